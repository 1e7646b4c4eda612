(* Judges distributions of capabilities by the definitions that Coq proved its theorems of, and
   compares with what authority/ said of each.

   Reads what tests/tie/distributions.c writes, a distribution at a time:

     D 17                     begins number 17
     T ADDRESS DOMAIN         a thread and its domain
     M DOMAIN                 a domain that is a trusted manager's
     R ADDRESS SIZE DOMAIN    whose memory it is, by authority/; the first over an address tells
     H HOLDER BASE SIZE RIGHTS  a capability; rights are letters of "rwgpscu" (letter_right)
     V READING BREACHES       what authority/ found with managers left out (0), or nobody (1): a sum
                              of the bits below
     # ...                    for the reader
     E                        ends it

   Says how many there were, what came out, and how many differ; with --show N the first N that
   differ are written out (3). *)

open Decide

let shared_storage_bit = 1
let channel_bit = 2
let foreign_tcb_bit = 4
let foreign_cover_bit = 8
let merged_bit = 16
let used_cover_bit = 32

(* Breaches of a restriction of Isolation.v. *)
let restriction_bits = 15

let letter_right = function
  | 'r' -> Read
  | 'w' -> Write
  | 'g' -> Grant
  | 'p' -> GrantReply
  | 's' -> Store
  | 'c' -> Ctrl
  | 'u' -> Create
  | c -> failwith (Printf.sprintf "no right: %c" c)

type distribution = {
  number : int;
  mutable threads : (int * int) list;
  mutable managers : int list;
  mutable regions : region list;
  mutable holdings : (int * cap) list;
  mutable verdicts : (int * int) list;
  mutable text : string list;
}

let fresh number =
  { number; threads = []; managers = []; regions = []; holdings = []; verdicts = []; text = [] }

let rights letters =
  if letters = "-" then [] else List.map letter_right (List.of_seq (String.to_seq letters))

(* Regions and holdings are gathered backwards. *)
let take d line =
  d.text <- line :: d.text;
  match String.split_on_char ' ' line with
  | [ "T"; a; domain ] -> d.threads <- (int_of_string a, int_of_string domain) :: d.threads
  | [ "M"; domain ] -> d.managers <- int_of_string domain :: d.managers
  | [ "R"; a; n; domain ] ->
      let region =
        { begins = int_of_string a; bytes = int_of_string n; of0 = int_of_string domain } in
      d.regions <- region :: d.regions
  | [ "H"; h; b; n; letters ] ->
      let cap = { base = int_of_string b; size = int_of_string n; rights = rights letters } in
      d.holdings <- (int_of_string h, cap) :: d.holdings
  | [ "V"; reading; breaches ] ->
      d.verdicts <- (int_of_string reading, int_of_string breaches) :: d.verdicts
  | "#" :: _ -> ()
  | _ -> failwith ("not understood: " ^ line)

(* --- counting --- *)

let judged = ref 0
let isolated = ref 0
let told = Hashtbl.create 8
let differ = ref 0
let shown = ref 0
let show = match Sys.argv with [| _; "--show"; n |] -> int_of_string n | _ -> 3

let count table name =
  Hashtbl.replace table name (1 + Option.value ~default:0 (Hashtbl.find_opt table name))

let say_difference d reading what theirs ours =
  incr differ;
  if !shown < show then begin
    incr shown;
    Printf.printf "# distribution %d, %s: %s: authority/ says %s, the definitions say %s\n" d.number
      (if reading = 0 then "managers left out" else "nobody left out")
      what theirs ours;
    List.iter (fun l -> Printf.printf "#   %s\n" l) (List.rev d.text)
  end

let yes_no b = if b then "breached" else "respected"

(* --- judging --- *)

let judge_all trusted d =
  match judge trusted max_int d.holdings d.threads with
  | Can_be_isolated -> true
  | Not_isolated _ -> false
  | Unfinished -> failwith "claims did not come to an end"

let outside = max_int

(* Untyped memory of one domain over an object that another uses and the one does not.  The
   right to answer a thread by a message alone, a reply capability that cannot grant, is no use of
   the thread: it acts on nothing of it. *)
let covers_what_is_used trusted d =
  let regions = List.rev d.regions in
  let held =
    List.filter_map
      (fun (h, c) ->
        let domain = domain_at regions outside h in
        let answers = c.rights = [] && List.mem_assoc c.base d.threads in
        if trusted domain || answers then None else Some (domain, c))
      d.holdings in
  let untyped, used = List.partition (fun (_, c) -> List.mem Create c.rights) held in
  let uses domain c =
    List.exists (fun (x, o) -> x = domain && o.base = c.base && o.size = c.size) used in
  List.exists
    (fun (domain, u) ->
      List.exists
        (fun (other, c) -> other <> domain && overlap_b u c && not (uses domain c))
        used)
    untyped

(* Breached or not: the same. *)
let compare_isolation d reading trusted bits =
  let ours = not (judge_all trusted d) in
  let named = bits land restriction_bits <> 0 in
  let joined = bits land merged_bit <> 0 in
  if not ours then incr isolated;
  if joined && not named then count told "breached, told by the island alone";
  let theirs = named || joined in
  if theirs <> ours then say_difference d reading "isolation" (yes_no theirs) (yes_no ours)

(* Untyped memory over what another domain uses.  The definitions call that isolated when nothing but
   use is at stake, since no capability can pass; authority/ tells it all the same, since the one can
   take that memory away and have it (absent_right_stays_absent does not cover what untyped memory
   covers).  It tells it exactly if it is so; where isolation is breached, at least nothing else. *)
let compare_cover d reading trusted bits =
  let ours = covers_what_is_used trusted d in
  let theirs = bits land used_cover_bit <> 0 in
  let breached = bits land (restriction_bits lor merged_bit) <> 0 in
  if theirs && not breached then count told "isolated, with untyped memory over what another uses";
  if (theirs && not ours) || (ours && not theirs && not breached) then
    say_difference d reading "a cover of what is used" (yes_no theirs) (yes_no ours)

let restrictions =
  [ ("shared storage", [ Shared_storage ], shared_storage_bit);
    ("a channel", [ Grant_channel; Call_channel ], channel_bit);
    ("foreign thread", [ Foreign_tcb ], foreign_tcb_bit);
    ("foreign cover", [ Foreign_cover ], foreign_cover_bit) ]

(* In the domains that authority/ gives to memory each breach that it tells is one.  What is
   breached besides follows from another: it tells one breach for one fact. *)
let compare_restriction d reading trusted bits (name, which, bit) =
  let regions = List.rev d.regions in
  let ours = not (List.for_all (fun r -> respects regions outside trusted r d.holdings) which) in
  let theirs = bits land bit <> 0 in
  if theirs then count told (name ^ " breached");
  if theirs && not ours then say_difference d reading name (yes_no theirs) (yes_no ours);
  if ours && not theirs then count told (name ^ " breached, told by what it follows from");
  if ours && bits land (restriction_bits lor merged_bit) = 0 then
    say_difference d reading name (yes_no theirs) (yes_no ours)

let compare_reading d (reading, bits) =
  let trusted domain = domain = outside || (reading = 0 && List.mem domain d.managers) in
  incr judged;
  compare_isolation d reading trusted bits;
  compare_cover d reading trusted bits;
  List.iter (compare_restriction d reading trusted bits) restrictions

let rec read_all current =
  match (input_line stdin, current) with
  | exception End_of_file -> if current <> None then failwith "the last distribution has no end"
  | "E", Some d ->
      List.iter (compare_reading d) d.verdicts;
      if d.verdicts = [] then failwith "a distribution without a verdict";
      read_all None
  | line, Some d ->
      take d line;
      read_all current
  | line, None -> (
      match String.split_on_char ' ' line with
      | [ "D"; n ] -> read_all (Some (fresh (int_of_string n)))
      | _ -> failwith ("not understood: " ^ line))

let () =
  read_all None;
  Printf.printf "%d judged, %d isolated, %d differ\n" !judged !isolated !differ;
  List.iter
    (fun (name, n) -> Printf.printf "%s: %d\n" name n)
    (List.sort compare (List.of_seq (Hashtbl.to_seq told)));
  exit (if !differ = 0 && !isolated > 0 && !isolated < !judged then 0 else 1)

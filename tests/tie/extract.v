(** The definitions that the theorems of model/proof/Decide.v speak of, as an OCaml program.
    Numbers become machine integers of 63 bits, which hold all addresses that occur. *)

Require Import Isolation Decide.
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlNatInt.

Extraction Language OCaml.
Extraction "decide.ml" judge respects.

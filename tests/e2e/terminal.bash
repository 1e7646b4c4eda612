# Shared by the end-to-end tests that use a program in a terminal: what its screen shows, and keys for it.
# Sourced behind lib.bash; wants tmux_socket.
tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }
screen_on_failure=screen
shows() { screen | grep -qE -- "$1"; }
shows_soon() { wait_for "${2:-60}" shows "$1"; }
press() { # press KEYS: each a word
    local key
    for key; do
        case $key in
        '"'*) tm send-keys -t t -l "${key#\"}" ;;
        *) tm send-keys -t t "$key" ;;
        esac
    done
}

# bash completion for tidings. Commands, options and their values come from the program itself
# (--list-commands, --list-options), so this never falls behind it.

_tidings_words() { # CURRENT WORD... : fills COMPREPLY with those that begin with CURRENT
    local cur=$1 word
    shift
    COMPREPLY=()
    for word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_tidings_feeds() { # CURRENT
    local cur=$1 name
    COMPREPLY=()
    while IFS= read -r name; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$name")
    done < <("${COMP_WORDS[0]}" feeds --format tsv 2>/dev/null | sed 1d | cut -f2 | head -n 2000)
}

_tidings() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} IFS=$'\n'
    if ((COMP_CWORD == 1)); then
        _tidings_words "$cur" $("$program" --list-commands 2>/dev/null | cut -f1) --help --version
        return
    fi
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do # behind --exec stands a command of its own
        if [[ ${COMP_WORDS[i]} == --exec ]]; then
            ((i + 1 == COMP_CWORD)) && COMPREPLY=($(compgen -c -- "$cur")) ||
                COMPREPLY=($(compgen -f -- "$cur"))
            return
        fi
    done
    local options name arg help choices
    options=$("$program" "$command" --list-options 2>/dev/null) || return
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $cur == = ]] && prev=${COMP_WORDS[COMP_CWORD - 1]} cur=
    while IFS=$'\037' read -r name arg help choices; do
        [[ $name == "$prev" && $arg ]] || continue
        case $arg in
        PATH | FILE) COMPREPLY=($(compgen -f -- "$cur")) ;;
        FEED) _tidings_feeds "$cur" ;;
        *) IFS=' ' && _tidings_words "$cur" $choices ;;
        esac
        return
    done < <(tr '\t' '\037' <<<"$options")
    if [[ $cur == -* ]]; then
        _tidings_words "$cur" $(cut -f1 <<<"$options")
        return
    fi
    case $command in
    feeds | why | remove | refresh) _tidings_feeds "$cur" ;;
    check-config | parse | backup | recover) COMPREPLY=($(compgen -f -- "$cur")) ;;
    opml)
        if ((COMP_CWORD == 2)); then
            _tidings_words "$cur" import export
        else
            COMPREPLY=($(compgen -f -- "$cur"))
        fi
        ;;
    help) _tidings_words "$cur" $("$program" --list-commands 2>/dev/null | cut -f1) ;;
    esac
}

complete -o filenames -F _tidings tidings

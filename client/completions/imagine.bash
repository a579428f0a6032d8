# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Bash completion for imagine. What the service knows (models, jobs) is asked for only if it runs already, and within a
# second: completing never starts it and never waits for it.

_imagine_ask() { # VERB
        local bus=()
        case " ${COMP_WORDS[*]} " in
        *' --system '*) bus=(--system) ;;
        *' --user '*) bus=(--user) ;;
        esac
        timeout 1 imagine "$1" --quiet --no-start "${bus[@]}" 2>/dev/null </dev/null || true
}

_imagine_pieces() {
        imagine desktop status 2>/dev/null </dev/null | cut -d ' ' -f 1
}

# Names of templates, profiles, purposes: read from their files.
_imagine_presets() { # VERB
        imagine "$1" 2>/dev/null </dev/null | sed 1d | cut -d ' ' -f 1
}

_imagine() {
        local verbs='generate ask status jobs watch get cancel vary enlarge illustrate enhance check-prompt templates profiles purposes show check history search remake tag rm forget log licence costs review approve reject retire revise export folder desktop mcp describe http consent compare import providers models load unload help version'
        local all='--json --quiet --user --system --no-start --help --version'
        local finishes='--output --model --format --quality --enlarge --precision --remove-artefacts --smooth-edges --sharpen --priority
                --keep-alive --no-prompt-metadata --alt-text --creator --notify --preview'
        local makes='--output --force --notify --preview'
        local starts='--detach --from --mask --mask-paints --mask-blur --outpaint --strength'
        local asks='--seed --size --aspect --steps --guidance --fast --negative --sampler --schedule --count --model
                --eta --guidance-rescale --guidance-interval --reuse-deep --merge-tokens --rng --vary --variation-seed
                --hires --hires-strength --hires-steps --tiling --precision --clip-skip --lora --format --quality
                --enlarge --remove-artefacts --smooth-edges --sharpen
                --priority --keep-alive --no-prompt-metadata --alt-text --creator'
        local finds='--model --provider --state --tag --app --since --until'
        local prompts='--template --profile --purpose --field --refine --engine'
        local samplers='ddim euler euler-a heun dpm2 dpm2-a dpm++-2s-a dpm++-2m dpm++-2m-sde dpm++-sde lms ddpm pndm unipc lcm'
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' words=''
        local i

        COMPREPLY=()
        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                --output | -o | --inspect | --of | --from | --mask | --mask-paints | --mask-blur | --outpaint | --strength | --format | --quality | --seed | --size | --aspect | --steps | --guidance | --negative | --sampler | --schedule | --count | \
                        --eta | --enlarge | --hires | --hires-strength | --hires-steps | --tiling | --precision | --clip-skip | --lora | --remove-artefacts | --smooth-edges | --sharpen | \
                        --guidance-rescale | --guidance-interval | --reuse-deep | --merge-tokens | --rng | --vary | --variation-seed | --scale | --model | --priority | --keep-alive | --preview | --folder | --prompt | \
                        --template | --profile | --purpose | --field | --refine | --earlier | --engine | --server | --alt-text | --creator | --comment | \
                        --provider | --providers | --state | --tag | --app | --since | --until | --by | --limit | --sheet) ((i++)) ;;
                -*) ;;
                *)
                        verb=${COMP_WORDS[i]}
                        break
                        ;;
                esac
        done

        # --sampler=eu is three words here.
        if [ "$current" = = ]; then
                current=''
        elif [ "$previous" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
                previous=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        case $previous in
        -o | --output | --inspect | --from | --mask | --folder | --earlier | --sheet)
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
                ;;
        --sampler) words=$samplers ;;
        --format) words='png jpeg webp' ;;
        --rng) words='cpu philox' ;;
        --preview) words='auto kitty sixel none' ;;
        --schedule) words='normal karras exponential sgm-uniform simple beta' ;;
        --enlarge) words='network lanczos none' ;;
        --precision) words='auto f32 bf16 int8' ;;
        --tiling) words='x y xy none' ;;
        --mask-paints) words='bright dark opaque clear' ;;
        --of) words=$(compgen -u) ;;
        --model) words=$(_imagine_ask models) ;;
        --server) words=$(_imagine_ask consent) ;;
        --provider) words=$(_imagine_ask providers) ;;
        --priority) words='interactive normal batch' ;;
        --state) words='draft approved rejected retired' ;;
        --by) words='day provider app' ;;
        --engine) words='builtin chat' ;;
        --template | --profile | --purpose) words=$(_imagine_presets "${previous#--}s") ;;
        --seed | --size | --aspect | --steps | --guidance | --negative | --count | --keep-alive | --eta | --clip-skip | --lora | --hires | --hires-strength | --hires-steps | \
                --guidance-rescale | --guidance-interval | --reuse-deep | --merge-tokens | --vary | --variation-seed | --scale | --prompt | --outpaint | --strength | --quality | \
                --remove-artefacts | --smooth-edges | --sharpen | --field | --refine | --alt-text | --creator | --comment | \
                --providers | --tag | --app | --since | --until | --limit) return ;;
        *)
                case $current,$verb in
                -*,get) words="$all $makes" ;;
                -*,watch) words="$all --preview" ;;
                -*,jobs) words="$all --all" ;;
                -*,cancel) words="$all --of" ;;
                -*,status | -*,consent | -*,http | -*,load | -*,unload | -*,help | -*,version)
                        words=$all
                        ;;
                -*,models) words="$all --inspect" ;;
                -*,describe) words="$all --server --dry-run" ;;
                -*,providers) words="$all --check" ;;
                -*,compare) words="$all --output --force --providers --best-effort --seed --size --negative" ;;
                -*,import)
                        words="$all --output --force --provider --prompt --seed --size --negative --model --format --quality --remove-artefacts
                                --smooth-edges --sharpen --no-prompt-metadata --alt-text --creator"
                        ;;
                -*,vary) words="$all $finishes --last --vary --variation-seed --strength --count" ;;
                -*,enlarge) words="$all $finishes --scale" ;;
                -*,illustrate) words="$all --output --notify --preview $asks" ;;
                -*,enhance) words="$all --seed --count --model --earlier --server --dry-run $prompts" ;;
                -*,check-prompt) words="$all --model" ;;
                -*,templates | -*,profiles | -*,purposes) words=$all ;;
                -*,show) words="$all --notify" ;;
                -*,check | -*,licence | -*,log | -*,revise | -*,export) words=$all ;;
                -*,history | -*,search) words="$all --limit --sheet --force $finds" ;;
                -*,costs) words="$all --since --until --by" ;;
                -*,forget) words="$all --all --prompts $finds" ;;
                -*,remake) words="$all $makes $asks --from --verify --provider" ;;
                -*,tag) words="$all --remove" ;;
                -*,rm) words="$all --files --only-files" ;;
                -*,review) words="$all --preview" ;;
                -*,approve | -*,reject | -*,retire) words="$all --alt-text --comment --licence-checked --legibility-checked" ;;
                -*,desktop) words="$all --all" ;;
                -*,folder) words="$all --open --notify" ;;
                -*,ask) words="$all --folder --prompt --from" ;;
                -*,mcp) words="$all --folder" ;;
                -*) words="$all $makes $asks $starts --enhance --prompt-only --server --dry-run --provider --best-effort --private $prompts" ;;
                *, | *,help) words=$verbs ;;
                *,log) words='export import' ;;
                *,http) words='token add list remove' ;;
                *,desktop) words="enable disable status $(_imagine_pieces)" ;;
                *,vary | *,enlarge | *,illustrate | *,show | *,import | *,check | *,describe | *,remake | *,tag | *,rm | *,licence | *,review | *,approve | *,reject | *,retire | *,revise | *,export)
                        compopt -o filenames 2>/dev/null
                        mapfile -t COMPREPLY < <(compgen -f -- "$current")
                        return
                        ;;
                *,watch | *,get | *,cancel) words=$(_imagine_ask jobs) ;;
                *,load) words=$(_imagine_ask models) ;;
                *,consent) words="grant revoke list $(_imagine_ask consent)" ;;
                *,templates | *,profiles | *,purposes) words=$(_imagine_presets "$verb") ;;
                esac
                ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _imagine imagine

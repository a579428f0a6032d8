# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Fish completion for imagine. What the service knows (models, jobs) is asked for only if it runs already, and within a second.

function __imagine_verb -d "The verb of the command line, generate without one"
    set -l words (commandline -opc)[2..-1]
    set -l takes_value --folder --prompt --output --seed --size --aspect --steps --guidance --negative --sampler --schedule --rng --vary --variation-seed --from --mask --mask-paints --mask-blur --outpaint --strength --eta --guidance-rescale --guidance-interval --reuse-deep --merge-tokens --format --quality --enlarge --remove-artefacts --smooth-edges --sharpen --hires --hires-strength --hires-steps --tiling --precision --clip-skip --lora --count --model --priority --keep-alive --alt-text --creator --comment --preview --template --profile --purpose --field --refine --earlier --engine --server --inspect --scale --of --provider --providers --state --tag --app --since --until --by --limit --sheet -o
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- $word $takes_value
            set skip 1
        else if not string match -q -- '-*' $word
            if contains -- $word generate ask status jobs watch get cancel vary enlarge illustrate enhance check-prompt templates profiles purposes show check history search remake tag rm forget log licence costs review approve reject retire revise export folder desktop mcp describe http consent compare import providers models load unload help version
                echo $word
            else
                echo generate
            end
            return
        end
    end
    echo generate
end

function __imagine_is -d "Whether the verb is one of these"
    contains -- (__imagine_verb) $argv
end

function __imagine_has_no_verb
    set -l verb (__imagine_verb)
    test $verb = generate; and not contains -- generate (commandline -opc)
end

function __imagine_ask
    timeout 1 imagine $argv[1] --quiet --no-start 2>/dev/null </dev/null
end

function __imagine_presets
    imagine $argv[1] 2>/dev/null </dev/null | tail -n +2 | string split -f 1 ' '
end

complete -c imagine -f
complete -c imagine -n __imagine_has_no_verb -a generate -d 'make pictures'
complete -c imagine -n __imagine_has_no_verb -a ask -d 'the prompt window'
complete -c imagine -n __imagine_has_no_verb -a status -d 'service and model'
complete -c imagine -n __imagine_has_no_verb -a jobs -d 'your jobs'
complete -c imagine -n __imagine_has_no_verb -a watch -d 'follow a job'
complete -c imagine -n __imagine_has_no_verb -a get -d 'write pictures'
complete -c imagine -n __imagine_has_no_verb -a cancel -d 'cancel a job'
complete -c imagine -n __imagine_has_no_verb -a vary -d 'others like it'
complete -c imagine -n __imagine_has_no_verb -a enlarge -d 'larger pictures'
complete -c imagine -n __imagine_has_no_verb -a illustrate -d 'pictures of texts'
complete -c imagine -n __imagine_has_no_verb -a enhance -d 'full prompts of ideas'
complete -c imagine -n __imagine_has_no_verb -a check-prompt -d 'what is wrong with a prompt'
complete -c imagine -n __imagine_has_no_verb -a templates -d 'templates of prompts'
complete -c imagine -n __imagine_has_no_verb -a profiles -d 'brand profiles'
complete -c imagine -n __imagine_has_no_verb -a purposes -d 'purposes of pictures'
complete -c imagine -n __imagine_has_no_verb -a show -d 'how it was made'
complete -c imagine -n __imagine_has_no_verb -a check -d 'what a file says of its picture'
complete -c imagine -n __imagine_has_no_verb -a history -d 'pictures that were made'
complete -c imagine -n __imagine_has_no_verb -a search -d 'pictures by what was asked for'
complete -c imagine -n __imagine_has_no_verb -a remake -d 'the same picture again'
complete -c imagine -n __imagine_has_no_verb -a tag -d 'file pictures under words'
complete -c imagine -n __imagine_has_no_verb -a rm -d 'take records out, and files'
complete -c imagine -n __imagine_has_no_verb -a forget -d 'prompts, or all'
complete -c imagine -n __imagine_has_no_verb -a log -d 'records as JSON lines'
complete -c imagine -n __imagine_has_no_verb -a licence -d 'what a picture may be used for'
complete -c imagine -n __imagine_has_no_verb -a costs -d 'what was spent'
complete -c imagine -n __imagine_has_no_verb -a review -d 'walk through drafts'
complete -c imagine -n __imagine_has_no_verb -a approve -d 'pictures may be used'
complete -c imagine -n __imagine_has_no_verb -a reject -d 'they may not'
complete -c imagine -n __imagine_has_no_verb -a retire -d 'not any more'
complete -c imagine -n __imagine_has_no_verb -a revise -d 'file a new version'
complete -c imagine -n __imagine_has_no_verb -a export -d 'approved pictures for others'
complete -c imagine -n __imagine_has_no_verb -a folder -d 'where desktop programs put pictures'
complete -c imagine -n __imagine_has_no_verb -a desktop -d 'menus, keys and launchers'
complete -c imagine -n __imagine_has_no_verb -a mcp -d 'for chat assistants'
complete -c imagine -n __imagine_has_no_verb -a describe -d 'what a picture shows'
complete -c imagine -n __imagine_has_no_verb -a consent -d 'servers that may be asked'
complete -c imagine -n __imagine_has_no_verb -a compare -d 'the same by several providers'
complete -c imagine -n __imagine_has_no_verb -a import -d 'a picture drawn elsewhere by hand'
complete -c imagine -n __imagine_has_no_verb -a providers -d 'who can draw, for how much'
complete -c imagine -n __imagine_has_no_verb -a http -d 'who may draw over HTTP'
complete -c imagine -n __imagine_has_no_verb -a models -d 'installed models'
complete -c imagine -n __imagine_has_no_verb -a load -d 'make it resident'
complete -c imagine -n __imagine_has_no_verb -a unload -d 'free its memory'
complete -c imagine -n __imagine_has_no_verb -a help -d 'how it is used'
complete -c imagine -n __imagine_has_no_verb -a version -d 'the version'
complete -c imagine -n '__imagine_is vary enlarge illustrate show check describe remake tag rm licence review approve reject retire revise export' -F
complete -c imagine -n '__imagine_is watch get cancel' -a '(__imagine_ask jobs)'
complete -c imagine -n '__imagine_is log' -a 'export import'
complete -c imagine -n '__imagine_is help' -a 'generate ask status jobs watch get cancel vary enlarge illustrate enhance check-prompt templates profiles purposes show check history search remake tag rm forget log licence costs review approve reject retire revise export folder desktop mcp describe http consent compare import providers models load unload help version'
complete -c imagine -n '__imagine_is consent' -a 'grant revoke list (__imagine_ask consent)'
complete -c imagine -n '__imagine_is load' -a '(__imagine_ask models)'
complete -c imagine -n '__imagine_is templates' -a '(__imagine_presets templates)'
complete -c imagine -n '__imagine_is profiles' -a '(__imagine_presets profiles)'
complete -c imagine -n '__imagine_is purposes' -a '(__imagine_presets purposes)'
complete -c imagine -n '__imagine_is desktop' -a 'enable disable status (imagine desktop 2>/dev/null | string split -f 1 " ")'
complete -c imagine -n '__imagine_is generate get illustrate remake vary enlarge compare import' -s o -l output -r -F -d 'FILE, DIR/, or -'
complete -c imagine -n '__imagine_is generate get remake compare import history search' -s f -l force -d 'replace FILE'
complete -c imagine -n '__imagine_is generate illustrate remake enhance compare import' -l seed -x -d 'repeats a picture'
complete -c imagine -n '__imagine_is generate illustrate remake compare import' -l size -x -d 'in pixels'
complete -c imagine -n '__imagine_is generate illustrate remake' -l aspect -x -d 'shape, as 16:9'
complete -c imagine -n '__imagine_is generate illustrate remake' -l steps -x -d 'denoising steps'
complete -c imagine -n '__imagine_is generate illustrate remake' -l guidance -x -d 'guidance scale'
complete -c imagine -n '__imagine_is generate illustrate remake' -l fast -d 'few steps, sooner'
complete -c imagine -n '__imagine_is generate illustrate remake compare import' -l negative -x -d 'what not to show'
complete -c imagine -n '__imagine_is generate illustrate remake' -l sampler -x -a 'ddim euler euler-a heun dpm2 dpm2-a dpm++-2s-a dpm++-2m dpm++-2m-sde dpm++-sde lms ddpm pndm unipc lcm' -d 'ddim, euler, ...'
complete -c imagine -n '__imagine_is generate illustrate remake' -l schedule -x -a 'normal karras exponential sgm-uniform simple beta' -d 'karras, simple, ...'
complete -c imagine -n '__imagine_is generate illustrate remake' -l rng -x -a 'cpu philox' -d 'cpu or philox'
complete -c imagine -n '__imagine_is generate illustrate remake vary' -l vary -x -d 'strength of variations'
complete -c imagine -n '__imagine_is generate illustrate remake vary' -l variation-seed -x -d 'of the variation'
complete -c imagine -n '__imagine_is generate ask remake' -l from -r -F -d 'start from a picture'
complete -c imagine -n '__imagine_is generate' -l mask -r -F -d 'what of it to paint'
complete -c imagine -n '__imagine_is generate' -l mask-paints -x -a 'bright dark opaque clear' -d 'bright, dark, opaque, clear'
complete -c imagine -n '__imagine_is generate' -l mask-blur -x -d 'pixels of soft edges'
complete -c imagine -n '__imagine_is generate' -l outpaint -x -d 'grow it, as left:128'
complete -c imagine -n '__imagine_is generate vary' -l strength -x -d 'how much anew'
complete -c imagine -n '__imagine_is generate illustrate remake' -l eta -x -d 'noise that steps add'
complete -c imagine -n '__imagine_is generate illustrate remake' -l guidance-rescale -x -d 'take spread back'
complete -c imagine -n '__imagine_is generate illustrate remake' -l guidance-interval -x -d 'guided part of the way'
complete -c imagine -n '__imagine_is generate illustrate remake' -l reuse-deep -x -d 'deep layers every N steps'
complete -c imagine -n '__imagine_is generate illustrate remake' -l merge-tokens -x -d 'alike ones attend as one'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l format -x -a 'png jpeg webp' -d 'png, jpeg or webp'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l quality -x -d 'of jpeg and webp'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge' -l enlarge -x -a 'network lanczos none' -d 'the size asked for'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l remove-artefacts -x -d 'ringing, blotches'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l smooth-edges -x -d 'stairs'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l sharpen -x -d 'steeper edges'
complete -c imagine -n '__imagine_is generate illustrate remake' -l hires -x -d 'in two passes'
complete -c imagine -n '__imagine_is generate illustrate remake' -l hires-strength -x -d 'of the second'
complete -c imagine -n '__imagine_is generate illustrate remake' -l hires-steps -x -d 'of the second'
complete -c imagine -n '__imagine_is generate illustrate remake' -l tiling -x -a 'x y xy none' -d 'x, y or xy'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge' -l precision -x -a 'auto f32 bf16 int8' -d 'auto, f32, bf16, int8'
complete -c imagine -n '__imagine_is generate illustrate remake' -l clip-skip -x -d 'which text layer counts'
complete -c imagine -n '__imagine_is generate illustrate remake' -l lora -x -d 'adapter and its weight'
complete -c imagine -n '__imagine_is generate illustrate remake vary enhance' -l count -x -d 'several pictures'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge enhance check-prompt history search forget import' -l model -x -a '(__imagine_ask models)' -d "one of 'models'"
complete -c imagine -n '__imagine_is generate' -l detach -d 'do not wait'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge' -l priority -x -a 'interactive normal batch' -d 'batch, normal, ..'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge' -l keep-alive -x -d 'keep the model'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l no-prompt-metadata -d 'no prompt in PNG'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import approve reject retire' -l alt-text -x -d 'for who cannot see it'
complete -c imagine -n '__imagine_is generate illustrate remake vary enlarge import' -l creator -x -d 'who has it made'
complete -c imagine -n '__imagine_is approve reject retire' -l comment -x -d 'why'
complete -c imagine -n '__imagine_is approve reject retire' -l licence-checked -d 'somebody looked'
complete -c imagine -n '__imagine_is approve reject retire' -l legibility-checked -d 'it was seen small'
complete -c imagine -n '__imagine_is generate' -l enhance -d 'a full prompt of it first'
complete -c imagine -n '__imagine_is generate' -l prompt-only -d 'print it, draw nothing'
complete -c imagine -n '__imagine_is generate enhance' -l template -x -a '(__imagine_presets templates)' -d "one of 'templates'"
complete -c imagine -n '__imagine_is generate enhance' -l profile -x -a '(__imagine_presets profiles)' -d "one of 'profiles'"
complete -c imagine -n '__imagine_is generate enhance' -l purpose -x -a '(__imagine_presets purposes)' -d "one of 'purposes'"
complete -c imagine -n '__imagine_is generate enhance' -l field -x -d 'what a field says'
complete -c imagine -n '__imagine_is generate enhance' -l refine -x -d 'as "warmer, closer"'
complete -c imagine -n '__imagine_is enhance' -l earlier -r -F -d 'what to refine, of --json'
complete -c imagine -n '__imagine_is generate enhance' -l engine -x -a 'builtin chat' -d 'builtin or chat'
complete -c imagine -n '__imagine_is generate describe enhance' -l server -x -a '(__imagine_ask consent)' -d "one of 'consent'"
complete -c imagine -n '__imagine_is generate describe enhance' -l dry-run -d 'show what would be sent'
complete -c imagine -n '__imagine_is compare' -l providers -x -d 'who is compared'
complete -c imagine -n '__imagine_is generate compare' -l best-effort -d 'leave out what it has not'
complete -c imagine -n '__imagine_is generate' -l private -d 'stays on this machine'
complete -c imagine -n '__imagine_is providers' -l check -d 'ask each whether it is there'
complete -c imagine -n '__imagine_is history search forget generate import remake' -l provider -x -a '(__imagine_ask providers)' -d "one of 'providers'"
complete -c imagine -n '__imagine_is history search forget' -l state -x -a 'draft approved rejected retired' -d 'draft, approved, ...'
complete -c imagine -n '__imagine_is history search forget' -l tag -x -d 'what it was tagged with'
complete -c imagine -n '__imagine_is history search forget' -l app -x -d 'that asked for it'
complete -c imagine -n '__imagine_is history search forget costs' -l since -x -d 'a date, or 7d'
complete -c imagine -n '__imagine_is history search forget costs' -l until -x -d 'likewise'
complete -c imagine -n '__imagine_is costs' -l by -x -a 'day provider app' -d 'day, provider or app'
complete -c imagine -n '__imagine_is history search' -l limit -x -d 'at most so many, 0: all'
complete -c imagine -n '__imagine_is history search' -l sheet -r -F -d 'of their pictures, as HTML'
complete -c imagine -n '__imagine_is forget' -l prompts -d 'nothing else'
complete -c imagine -n '__imagine_is remake' -l verify -d 'are the pixels the same?'
complete -c imagine -n '__imagine_is tag' -l remove -d 'take tags away'
complete -c imagine -n '__imagine_is rm' -l files -d 'files, too'
complete -c imagine -n '__imagine_is rm' -l only-files -d 'keep records'
complete -c imagine -n '__imagine_is models' -l inspect -r -F -d 'what a model is'
complete -c imagine -n '__imagine_is generate get illustrate remake vary enlarge show folder' -l notify -d 'on the desktop, too'
complete -c imagine -n '__imagine_is generate get illustrate remake vary enlarge watch review' -l preview -x -a 'auto kitty sixel none' -d 'in the terminal'
complete -c imagine -n '__imagine_is ask mcp' -l folder -r -F -d 'where pictures go'
complete -c imagine -n '__imagine_is ask import' -l prompt -x -d 'to begin with'
complete -c imagine -n '__imagine_is vary' -l last -d "the newest in 'folder'"
complete -c imagine -n '__imagine_is enlarge' -l scale -x -d 'times as large'
complete -c imagine -n '__imagine_is folder' -l open -d 'in the file manager'
complete -c imagine -n '__imagine_is jobs desktop forget' -l all -d 'jobs, pieces, records'
complete -c imagine -n '__imagine_is cancel' -l of -x -a '(__fish_complete_users)' -d "another user's job"
complete -c imagine -l json -d 'object on stdout'
complete -c imagine -s q -l quiet -d 'no progress'
complete -c imagine -l user -d 'session bus'
complete -c imagine -l system -d 'system bus'
complete -c imagine -l no-start -d 'do not start it'
complete -c imagine -s h -l help -d 'this text'
complete -c imagine -l version -d 'the version'

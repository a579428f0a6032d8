// SPDX-License-Identifier: LGPL-2.1-or-later
//
// SillyTavern's own server, and what its page asks of it, in $IMAGINED_ROOT's service. Prints TAP.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

let failed = false;
function check(what, holds, said) {
    failed ||= !holds;
    console.log(`${holds ? 'ok' : 'not ok'} - ${what}`);
    if (!holds && said !== undefined) console.log('    ' + JSON.stringify(said)?.slice(0, 2000));
}
const sleep = ms => new Promise(r => setTimeout(r, ms));
async function eventually(condition) {
    for (let i = 0; i < 1200; i++) {
        const got = await condition();
        if (got) return got;
        await sleep(100);
    }
    return false;
}
const root = process.env.IMAGINED_ROOT;
process.env.XDG_STATE_HOME = root + '/state';
const imagine = (...words) => execFileSync('imagine', ['--user', ...words], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
const token = imagine('http', 'token', 'add', 'sillytavern').trim();
const bridge = spawn(process.env.BRIDGE, ['--user', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const url = 'http://127.0.0.1:' + await new Promise(r => createInterface(bridge.stdout).once('line', r));

const port = await new Promise(r => { const s = createServer().listen(0, '127.0.0.1', () => { const p = s.address().port; s.close(() => r(p)); }); });
copyFileSync(process.env.TAVERN + '/default/config.yaml', root + '/tavern.yaml');
const log = openSync(root + '/tavern.log', 'w');
const tavern = spawn('node', ['server.js', '--port', port, '--dataRoot', process.env.TAVERN_DATA, '--configPath', root + '/tavern.yaml', '--disableCsrf',
    '--browserLaunchEnabled', 'false'], { cwd: process.env.TAVERN, stdio: ['ignore', log, log] });
const page = (path, body, more) => fetch(`http://127.0.0.1:${port}/api/sd/${path}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ url, auth: `user:${token}`, ...body }), ...more });
const json = async (path, body) => { const r = await page(path, body); return r.ok ? await r.json() : r.status; };
const isThere = await eventually(() => fetch(`http://127.0.0.1:${port}/version`).then(r => r.ok, () => false));
check('SillyTavern is there', isThere, isThere ? '' : readFileSync(root + '/tavern.log').toString().slice(-2000));
if (!isThere) process.exit(1);

check('it connects', (await page('ping')).status === 200);
check('and not without the token', (await page('ping', { auth: 'user:wrong' })).status === 500);
const samplers = await json('samplers'), schedulers = await json('schedulers'), models = await json('models'), upscalers = await json('upscalers');
check('samplers', Array.isArray(samplers) && samplers.includes('Euler a'), samplers);
check('schedulers', Array.isArray(schedulers) && schedulers.length > 2, schedulers);
check('models', models[0]?.text?.startsWith('default'), models);
check('upscalers', Array.isArray(upscalers) && upscalers[0] === 'None', upscalers);
check('VAEs', Array.isArray(await json('vaes')));
check('a model is chosen', (await page('set-model', { model: models[0].value })).status === 200);
const chosen = await page('get-model').then(r => r.text());
check('and told of', chosen === models[0].value, chosen);

// As generateAutoImage() of its extension has it.
const request = {
    prompt: 'a red fox', negative_prompt: 'blurry', sampler_name: samplers[0], scheduler: schedulers[0], steps: 4, cfg_scale: 7, width: 64, height: 64,
    restore_faces: false, enable_hr: false, hr_upscaler: upscalers[0], hr_scale: 2, hr_additional_modules: [], denoising_strength: 0.7,
    hr_second_pass_steps: 0, override_settings: { CLIP_stop_at_last_layers: 1 }, override_settings_restore_afterwards: true, clip_skip: 1,
    save_images: true, send_images: true, do_not_save_grid: false, do_not_save_samples: false };
const made = await json('generate', request);
check('a picture', Buffer.from(made.images?.[0] ?? '', 'base64').subarray(1, 4).toString() === 'PNG', made);
const large = await json('generate', { ...request, enable_hr: true, hr_upscaler: upscalers.at(-1), seed: 7 });
check('in two passes', Buffer.from(large.images?.[0] ?? '', 'base64').subarray(16, 20).readUInt32BE() === 128, large);

const atWork = () => JSON.parse(imagine('--json', 'jobs')).jobs.filter(j => ['queued', 'loading', 'running'].includes(j.state)).length;
const stop = new AbortController();
const long = page('generate', { ...request, width: 128, height: 128, steps: 500, batch_size: 8 }, { signal: stop.signal }).then(() => 'answered', () => 'left');
check('a long one begins', await eventually(() => atWork() === 1));
stop.abort();
check('its Stop button', await long === 'left');
check('ends it', await eventually(() => atWork() === 0));
tavern.kill();
bridge.kill();
await new Promise(r => bridge.once('exit', r));
process.exit(failed ? 1 : 0);

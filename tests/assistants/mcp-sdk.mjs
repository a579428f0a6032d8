// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs beside the packages' node_modules, in $IMAGINED_ROOT's service. Prints TAP.
import { mkdirSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v1 from '@modelcontextprotocol/sdk/client/index.js';
import * as v1stdio from '@modelcontextprotocol/sdk/client/stdio.js';
import * as v2 from '@modelcontextprotocol/client';
import * as v2stdio from '@modelcontextprotocol/client/stdio';

let failed = false;
function check(what, holds, said) {
    failed ||= !holds;
    console.log(`${holds ? 'ok' : 'not ok'} - ${what}`);
    if (!holds && said !== undefined) console.log('    ' + JSON.stringify(said));
}

process.chdir(process.env.IMAGINED_ROOT);
mkdirSync('pictures', { recursive: true });

async function drive(name, client, transport, call, negotiated) {
    await client.connect(transport);
    check(`${name}: connects`, negotiated(client), client.getServerCapabilities());
    check(`${name}: knows the server`, client.getServerVersion()?.name === 'imagined', client.getServerVersion());
    const { tools } = await client.listTools();
    check(`${name}: lists the tools`, ['generate_image', 'enhance_prompt', 'get_image', 'list_models'].every(t => tools.some(u => u.name === t)), tools);
    const made = await call({ name: 'generate_image', arguments: { prompt: `a fox ${name}`, steps: 3, seed: 7 } });
    check(`${name}: a picture`, made.content.map(c => c.type).join() === 'resource_link,image,text' && !made.isError, made);
    check(`${name}: is there`, existsSync(fileURLToPath(made.content[0].uri)), made.content[0]);
    const shown = await call({ name: 'get_image', arguments: { name: made.content[0].name } });
    check(`${name}: it can be looked at`, shown.content[0].type === 'image', shown);
    const models = await call({ name: 'list_models', arguments: {} });
    check(`${name}: models`, models.structuredContent.models[0].name === 'default', models);
    const written = await call({ name: 'enhance_prompt', arguments: { idea: 'a beach sunset', seed: 7, count: 2 } });
    const { prompts } = written.structuredContent;
    check(`${name}: prompts`, prompts.length === 2 && written.content[1].text.startsWith(prompts[1].prompt) && prompts[0].fields.subject, written);
    const refined = await call({ name: 'enhance_prompt', arguments: { idea: prompts[0].prompt, refine: 'at night', lineage: prompts[0].lineage } });
    check(`${name}: a refinement`, refined.structuredContent.prompts[0].lineage.length === 3, refined);
    const refused = await call({ name: 'generate_image', arguments: {} });
    check(`${name}: what is refused is told`, refused.isError === true, refused);
    await call({ name: 'none', arguments: {} }).then(
        r => check(`${name}: an unknown tool is an error`, r.isError === true, r),
        e => check(`${name}: an unknown tool is an error`, e.code === -32602, e));

    const stop = new AbortController();
    const steps = [];
    const long = call({ name: 'generate_image', arguments: { prompt: 'long', width: 128, height: 128, steps: 500, count: 8 } },
        { signal: stop.signal, timeout: 600000, onprogress: p => { if (steps.push(p.progress) === 3) stop.abort('enough'); } });
    check(`${name}: it can be cancelled`, await long.then(() => false, () => true));
    check(`${name}: progress increases`, steps.length >= 3 && steps.every((s, i) => i === 0 || s > steps[i - 1]), steps);
    const both = await Promise.all([1, 2, 3].map(i => call({ name: 'generate_image', arguments: { prompt: `at once ${i}`, steps: 2 } })));
    check(`${name}: several at once`, both.every(r => !r.isError), both);
    await client.close();
}

const server = { command: 'imagine', args: ['--user', 'mcp', '--folder', 'pictures'], env: process.env, stderr: 'ignore' };
const info = { name: 'test', version: '1' };

const first = new v1.Client(info);
await drive('SDK 1', first, new v1stdio.StdioClientTransport(server), (p, o) => first.callTool(p, undefined, o),
    c => c.getServerCapabilities().tools !== undefined);

for (const [name, mode, version] of [['SDK 2, legacy', 'legacy', '2025-11-25'], ['SDK 2, modern', { pin: '2026-07-28' }, '2026-07-28'], ['SDK 2, either', 'auto', '2026-07-28']]) {
    const client = new v2.Client(info, { versionNegotiation: { mode } });
    await drive(name, client, new v2stdio.StdioClientTransport(server), (p, o) => client.callTool(p, o),
        c => c.getNegotiatedProtocolVersion() === version);
}
process.exit(failed ? 1 : 0);

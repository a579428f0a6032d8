// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws people with DiceBear: node portraits.mjs NODE_MODULES STYLE COUNT prints a line of JSON for each,
// {svg, extra}, where extra names what was drawn. portraits.py puts it into words.
import { pathToFileURL } from "node:url";

const [, , modules, style, count] = process.argv;
const load = (name) => import(pathToFileURL(`${modules}/@dicebear/${name}/lib/index.js`));
const { createAvatar } = await load("core");
const art = await load(style);
for (let seed = 0; seed < Number(count); seed++) {
  const avatar = createAvatar(art, { seed: `imagined ${seed}` });
  console.log(JSON.stringify({ svg: avatar.toString(), extra: avatar.toJson().extra }));
}

// The same texts under two rules: one whose work has nothing to do with them, and ours.
// @ts-check

import { child, classicSum, compose, genesisOf, keepsRules, networkOf } from "./learnchain.js";
import { byID, judge, showHash, slot } from "./learnview.js";
import { expand, hex, unhex, workOf } from "./receipt.js";
import { number, say } from "./text.js";

export function startClassic(classic, ours, authors) {
  const stories = classic.blocks.map((b) => b.text), texts = stories.slice();
  const sides = [
    { root: byID("classicblocks"), verdict: byID("classicverdict"), example: classic, net: networkOf(JSON.parse(classic.params)), drafts: [] },
    { root: byID("oursblocks"), verdict: byID("oursverdict"), example: ours, net: networkOf(JSON.parse(ours.params)), drafts: [] },
  ];
  const touched = () => texts.some((text, i) => text !== stories[i]);

  /** Shows one side; what its blocks were mined with stays. */
  function draw({ root, verdict, example, net, drafts }) {
    let parent = genesisOf(net), broken = 0;
    const digits = net.difficulty, old = net.pow === "classic";
    texts.forEach((text, i) => {
      const { author, time, salt, nonce } = example.blocks[i];
      if (drafts[i]?.text !== text) {
        drafts[i] = compose(net, authors[author], { time, salt: unhex(salt), text });
      }
      const block = child(net, parent, [drafts[i]], { time, nonce });
      const good = keepsRules(net, parent, block), item = root.children[i];
      const sum = old ? classicSum(parent.header, block.header).hash : hex(block.header.hash);
      slot(item, "sum").dataset.was ??= sum;
      showHash(slot(item, "sum"), sum, { was: slot(item, "sum").dataset.was, front: good && !old ? digits : 0, end: old ? digits : 0 });
      judge(slot(item, "state"), good, say(good ? "learn.classic.holds" : "learn.classic.fails"));
      if (!old) {
        slot(item, "text").textContent = text;
      }
      broken += good ? 0 : 1;
      parent = block;
    });
    const cost = broken * Number(workOf(expand(net.genesis.bits)));
    judge(verdict, broken === 0, !touched() ? say("learn.classic.open") : broken === 0 ? say("learn.classic.free") : say("learn.classic.paid", broken, number(cost)));
    verdict.classList.toggle("alarm", old && touched());
  }

  Array.from(byID("classicblocks").querySelectorAll("textarea")).forEach((field, i) => {
    field.value = stories[i];
    field.readOnly = false;
    field.addEventListener("input", () => {
      texts[i] = field.value;
      sides.forEach(draw);
    });
  });
  sides.forEach(draw);
}

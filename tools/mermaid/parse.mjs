// 从标准输入读 [{"where","text"}]，用 mermaid 自己的语法分析器逐块分析；不合语法的写到标准输出。
import { JSDOM } from "jsdom";
import { readFileSync } from "node:fs";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

const wrong = [];
for (const { where, text } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    await mermaid.parse(text);
  } catch (error) {
    wrong.push({ where, what: String(error.message ?? error).split("\n").slice(0, 4).join(" ") });
  }
}
process.stdout.write(JSON.stringify(wrong));

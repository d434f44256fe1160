"use strict";
// 一个浏览器一条流：各个看得见的标签页把要看的交来，这里合成一条，收到的分给它们。没有共享 worker 的浏览器，一页一条。
const ports = new Map();
let source = null;
let shape = "";
let lang = ""; // 最近画出来的一页是哪种语言：worker 自己的请求不一定带着
const at = new Map();

const wanted = () => {
  const runs = new Map();
  for (const { run, after, grid } of ports.values()) {
    const known = runs.get(run);
    if (run && (!known || after < known.after)) runs.set(run, { after, grid });
  }
  return runs;
};

const open = () => {
  const runs = wanted();
  const next = ports.size ? [...runs.entries()].map(([run, { grid }]) => `${run}:${grid}`).sort().join(" ") + lang || "-" : "";
  if (next === shape) return;
  if (source) source.close();
  source = null;
  shape = next;
  if (!next) return;
  const query = new URLSearchParams({ lang });
  for (const [run, { after, grid }] of runs) {
    query.append("w", `${run}:${after}:${grid}`);
    at.set(run, after);
  }
  source = new EventSource(`/live?${query}`);
  source.onmessage = ({ data }) => {
    const news = JSON.parse(data);
    if (news.run) at.set(news.run, news.q);
    for (const [port, watch] of ports) {
      if (news.run && watch.run === news.run) watch.after = news.q;
      if (!news.run || watch.run === news.run) port.postMessage(news);
    }
  };
  source.onerror = () => {
    source.close();
    source = null;
    shape = "?";
    setTimeout(open, 1000);
  };
};

const hear = (port, said) => {
  const known = ports.get(port);
  if (said.off) ports.delete(port);
  else if (said.alive) { if (known) known.seen = Date.now(); }
  else {
    ports.set(port, { ...said, seen: Date.now() });
    lang = said.lang;
    if (said.run && at.has(said.run) && said.after < at.get(said.run)) shape = "?"; // 它画得早：从它那一行起再来一遍
  }
  open();
};

setInterval(() => {
  for (const [port, { seen }] of ports) if (Date.now() - seen > 20000) ports.delete(port);
  open();
}, 5000);

if ("onconnect" in self) {
  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data }) => hear(port, data);
    port.start();
  };
} else {
  self.onmessage = ({ data }) => hear(self, data);
}

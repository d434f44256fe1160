"use strict";
// 只管查找与筛选；没有它，页面照样能读。
(() => {
  const MOST = 12;
  const form = document.getElementById("find");
  const query = document.getElementById("query");
  const tally = document.getElementById("tally");
  const found = document.getElementById("found");
  const chips = [...form.querySelectorAll("[data-look]")];
  const groups = [...document.querySelectorAll(".group")].map((group) => ({
    group,
    nets: [...group.querySelectorAll(".net")].map((net) => ({
      net,
      cells: [...net.querySelectorAll("li")].map((cell) => ({
        cell,
        ip: cell.textContent,
        text: [cell.textContent, cell.title, group.dataset.label].join(" ").toLowerCase(),
      })),
    })),
  }));

  const addRow = (body, { cell, ip }, label) => {
    const row = body.insertRow();
    const link = cell.querySelector("a");
    const name = row.insertCell();
    if (link) {
      const copy = document.createElement("a");
      copy.href = link.getAttribute("href");
      copy.textContent = ip;
      name.append(copy);
    } else {
      name.textContent = ip;
    }
    row.insertCell().textContent = label;
    row.insertCell().textContent = cell.title;
  };

  const apply = () => {
    const wanted = query.value.trim().toLowerCase();
    const terms = wanted.split(/\s+/).filter(Boolean);
    const looks = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.look);
    const hits = [];
    for (const { group, nets } of groups) {
      const open = !looks.length || looks.includes(group.dataset.look);
      let shown = 0;
      for (const { net, cells } of nets) {
        const before = shown;
        for (const item of cells) {
          const hit = open && terms.every((term) => item.text.includes(term));
          item.cell.hidden = !hit;
          shown += hit;
          if (hit) hits.push([item, group.dataset.label]);
        }
        net.hidden = shown === before;
      }
      group.hidden = shown === 0;
    }
    hits.sort(([a], [b]) => (b.ip === wanted) - (a.ip === wanted));
    const active = terms.length > 0 || looks.length > 0;
    tally.textContent = active ? tally.dataset.found.replace("{n}", hits.length) + (terms.length && hits.length > MOST ? tally.dataset.first.replace("{n}", MOST) : "") : "";
    const body = found.tBodies[0];
    body.replaceChildren();
    found.hidden = !terms.length || !hits.length;
    if (!found.hidden) hits.slice(0, MOST).forEach(([item, label]) => addRow(body, item, label));
  };

  query.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const folded = target && target.closest("details");
    if (folded) folded.open = true;
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((item) => { item.open = true; }));
  form.hidden = false;
})();

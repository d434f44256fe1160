"use strict";
(() => {
  const body = document.body;
  const { run = "", grid = "", stream } = body.dataset;
  const keys = (body.dataset.keys || "").split(" ");
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const cells = all("#grid .cells li");
  const put = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
  let seq = Number(body.dataset.seq || 0);
  let side = Number(body.dataset.side || 0);
  let mark = "";
  let heard = performance.now();
  let stale = false;
  let heardAt = body.dataset.at;

  // 断开：数据变灰，不能作决定
  const setStale = (now) => {
    stale = now;
    body.classList.toggle("is-stale", now);
    one("[data-stale]").hidden = !now;
    if (now) put(one("[data-stale-at]"), heardAt);
    for (const field of all("fieldset[data-needs-live]")) {
      if (now) { field.dataset.was = field.disabled; field.disabled = true; }
      else if (field.dataset.was !== undefined) field.disabled = field.dataset.was === "true";
    }
  };
  const tick = () => {
    if (document.hidden) return;
    const age = (performance.now() - heard) / 1000;
    put(one("[data-age-text]"), body.dataset.aged.replace("#", Math.max(1, Math.floor(age))));
    if (age > 3 !== stale) setStale(age > 3);
  };
  setInterval(tick, 250);

  const later = (name) => {
    let due = 0;
    return () => {
      if (due) return;
      due = setTimeout(() => { due = 0; if (!document.hidden) body.dispatchEvent(new Event(name)); }, 1000);
    };
  };
  const drawBoard = later("pam-board");
  const drawSide = later("pam-side");

  const paint = (delta) => {
    for (const key in delta) {
      let place = 0;
      for (const step of delta[key]) {
        place += step;
        const cell = cells[place];
        cell.className = cell.classList.contains("off") ? `s-${key} off` : `s-${key}`;
      }
    }
  };
  const count = (numbers) => numbers.forEach((number, place) => {
    const shown = one(`[data-n=${keys[place]}]`);
    put(shown, String(number));
    const chip = shown.closest("button");
    chip.hidden = !number && chip.getAttribute("aria-pressed") !== "true";
  });
  const take = (news) => {
    heard = performance.now();
    if (news.beat) heardAt = news.beat; // 服务器的钟，机场的时区
    if (news.run === "") {
      for (const name of ["waiting", "dark"]) {
        put(one(`[data-${name}]`), String(news[name]));
        (name === "dark" ? one("[data-dark-link]") : one("[data-waiting]")).hidden = !news[name];
      }
      if (mark && mark !== news.mark) drawBoard();
      mark = news.mark;
    } else if (news.run === run) {
      if (news.reload) { location.reload(); return; }
      paint(news.d);
      count(news.n);
      for (const name in news.x) put(one(`[data-x=${name}]`), news.x[name]);
      one("[data-eta]").classList.toggle("sr", !news.x.eta);
      seq = news.q;
      put(one("[data-seq-text]"), String(seq));
      if (side !== news.side) { side = news.side; drawSide(); }
    }
    tick();
  };

  // 一个浏览器一条流；看不见的标签页一条也没有
  const shared = typeof SharedWorker === "function";
  const worker = shared ? new SharedWorker(stream).port : new Worker(stream);
  worker.onmessage = ({ data }) => take(data);
  const tell = () => worker.postMessage(document.hidden ? { off: 1 } : { run, after: seq, grid, lang: document.documentElement.lang.slice(0, 2) });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && performance.now() - heard > 3000) setStale(true);
    tell();
  });
  addEventListener("pagehide", () => worker.postMessage({ off: 1 }));
  addEventListener("pageshow", tell);
  setInterval(() => { if (!document.hidden) worker.postMessage({ alive: 1 }); }, 5000);

  if (!cells.length) return;
  // 网格：点、方向键、挑
  const board = one("#grid");
  const sheet = one("#sheet");
  const address = (cell) => cell.parentNode.dataset.head + cell.textContent;
  const show = (cell) => {
    htmx.ajax("GET", `/runs/${encodeURIComponent(run)}/ws/${encodeURIComponent(address(cell))}`, { target: "#sheet", swap: "innerHTML" })
      .then(() => { if (!sheet.open) sheet.showModal(); });
  };
  board.addEventListener("click", ({ target }) => { const cell = target.closest("li"); if (cell) show(cell); });
  let here = -1;
  const move = (to) => {
    if (here >= 0) cells[here].classList.remove("at");
    here = Math.max(0, Math.min(cells.length - 1, to));
    cells[here].classList.add("at");
    cells[here].scrollIntoView({ block: "nearest" });
    const key = cells[here].className.match(/s-(\w+)/)[1];
    put(one("[data-told]"), `${address(cells[here])} ${one(`[data-look=${key}]`).firstChild.nextSibling.textContent}`);
  };
  const row = () => {
    const top = cells[Math.max(here, 0)].offsetTop;
    const first = Math.max(0, cells.findIndex((cell) => cell.offsetTop === top));
    let last = first;
    while (last + 1 < cells.length && cells[last + 1].offsetTop === top) last += 1;
    return last - first + 1;
  };
  board.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row(), ArrowUp: -row() }[event.key];
    if (step) { move(here < 0 ? 0 : here + step); event.preventDefault(); }
    if (event.key === "Home") { move(0); event.preventDefault(); }
    if (event.key === "End") { move(cells.length - 1); event.preventDefault(); }
    if (event.key === "Enter" && here >= 0) show(cells[here]);
  });
  const find = one("[data-find]");
  const chips = all(".chips [data-look]");
  const sift = () => {
    const text = find.value.trim();
    const looks = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => `s-${chip.dataset.look}`);
    for (const cell of cells) {
      const kept = (!looks.length || looks.some((look) => cell.classList.contains(look))) && (!text || address(cell).includes(text));
      cell.classList.toggle("off", !kept);
    }
  };
  find.addEventListener("input", sift);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      sift();
    });
  }
})();

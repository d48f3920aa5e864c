// What happens without a click: the live stream, counters that run on, and the few buttons that need a script.
(() => {
  const GATHER_MS = 400; // a storm of events is one refresh
  let source = null;
  let waiting = null;
  let changed = new Set();

  function showState(isLive) {
    document.body.classList.toggle("is-live", isLive);
  }

  // What changes while a part is read may be missing in what comes: it is read again after that.
  function refresh() {
    const now = changed;
    [waiting, changed] = [null, new Set()];
    for (const part of document.querySelectorAll("[data-live]")) {
      const id = part.dataset.live;
      if (id && !now.has(id) && !now.has("*")) continue;
      if (part.classList.contains("htmx-request")) note(id || "*");
      else htmx.trigger(part, "live");
    }
    document.dispatchEvent(new CustomEvent("aquavolt:changed"));
  }

  function note(id) {
    changed.add(id);
    waiting ??= setTimeout(refresh, GATHER_MS);
  }

  // Where somebody is writing, nothing is swapped away under their hands.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("[data-live]") && event.target.querySelector("[data-hold][open]")) event.preventDefault();
  });

  function open() {
    if (source || !document.querySelector("[data-live]")) return;
    source = new EventSource("/api/v1/stream");
    source.addEventListener("open", () => showState(true));
    source.addEventListener("error", () => showState(false));
    source.addEventListener("alert", (event) => note(JSON.parse(event.data).id));
    for (const kind of ["ready", "reset"]) source.addEventListener(kind, () => note("*"));
  }

  function close() {
    source?.close();
    source = null;
  }

  // A hidden page gives its connection back; it reads everything again when it is looked at.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else { open(); note("*"); }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) { open(); note("*"); } });

  function countOn() {
    for (const place of document.querySelectorAll("[data-count-rate]")) {
      const { countValue, countRate, countAgo, countFactor, countDigits } = place.dataset;
      place.countedFrom ??= performance.now() - Number(countAgo); // the server's clock counts, never a phone's
      const hours = Math.max(0, performance.now() - place.countedFrom) / 3600000;
      const value = (Number(countValue) + Number(countRate) * hours) * Number(countFactor ?? 1);
      const digits = Number(countDigits);
      place.textContent = value.toLocaleString(document.documentElement.lang, {
        minimumFractionDigits: digits, maximumFractionDigits: digits,
      });
    }
  }

  function toggleTheme() {
    const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    document.documentElement.dataset.bsTheme = next;
    localStorage.setItem("aquavolt-theme", next);
    document.dispatchEvent(new CustomEvent("aquavolt:theme"));
  }

  // Rows of the tree are fetched once; after that they are only shown and hidden.
  function descendants(row) {
    return [...document.querySelectorAll(`tr[data-under~="${CSS.escape(row.dataset.node)}"]`)];
  }

  function toggleRow(button) {
    const row = button.closest("tr");
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      for (const below of descendants(row)) {
        below.hidden = true;
        below.querySelector("[aria-expanded]")?.setAttribute("aria-expanded", "false");
      }
      return;
    }
    const children = descendants(row).filter((below) => below.dataset.parent === row.dataset.node);
    if (children.length) for (const child of children) child.hidden = false;
    else htmx.ajax("GET", `/site/${encodeURIComponent(row.dataset.node)}/children`, { target: row, swap: "afterend" });
  }

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".av-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    const button = event.target.closest("[data-do]");
    if (!button) return;
    if (button.dataset.do === "theme") toggleTheme();
    if (button.dataset.do === "print") print();
    if (button.dataset.do === "tree") toggleRow(button);
    if (button.dataset.do === "medium") {
      button.closest("[data-medium]").dataset.medium = button.value;
      for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest(".av-menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  document.addEventListener("DOMContentLoaded", () => {
    open();
    countOn();
    setInterval(countOn, 1000);
  });
  document.addEventListener("htmx:afterSettle", countOn);
})();

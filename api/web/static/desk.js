// The desk's hands: marking alerts, acting on all that are marked, and the keys. The page works without it.
(() => {
  const marked = new Set(); // ids: they outlive the list's refreshes
  let last = null;

  const idOf = (box) => box.value.slice(0, box.value.lastIndexOf(":"));
  const boxes = () => [...document.querySelectorAll("input[name=alert][form=bulk]")];
  const rows = () => [...document.querySelectorAll(".av-row[data-alert]")];
  const bar = () => document.getElementById("bulk");

  // Only what is on the page is marked: nobody acts on what they do not see.
  function show() {
    const shown = boxes();
    const there = new Set(shown.map(idOf));
    for (const id of marked) if (!there.has(id)) marked.delete(id);
    for (const box of shown) {
      box.checked = marked.has(idOf(box));
      box.closest(".av-row").classList.toggle("is-marked", box.checked);
    }
    const all = document.querySelector("[data-mark-all]");
    if (all) {
      all.checked = shown.length > 0 && marked.size === shown.length;
      all.indeterminate = marked.size > 0 && !all.checked;
    }
    if (!bar()) return;
    const label = bar().querySelector("[data-marked]");
    label.textContent = marked.size === 1 ? label.dataset.one : label.dataset.many.replace("#", marked.size);
    bar().hidden = marked.size === 0;
    document.body.classList.toggle("has-bulk", marked.size > 0);
  }

  function mark(box, on) {
    if (on) marked.add(idOf(box));
    else marked.delete(idOf(box));
  }

  function toggle(box, isRange) {
    const shown = boxes();
    const at = shown.indexOf(box);
    const from = isRange && last ? shown.findIndex((b) => idOf(b) === last) : at;
    for (const one of shown.slice(Math.min(at, from < 0 ? at : from), Math.max(at, from) + 1)) mark(one, box.checked);
    last = idOf(box);
    show();
  }

  function unmark() {
    marked.clear();
    show();
  }

  const current = () => document.activeElement?.closest?.(".av-row[data-alert]");

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    next.querySelector(".av-title").focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function acknowledge() {
    if (marked.size) bar().querySelector("button[value=acknowledge]").click();
    else current()?.querySelector("button.av-ack")?.click();
  }

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    a: acknowledge,
    x: () => {
      const box = current()?.querySelector("input[name=alert]");
      if (box) { box.checked = !box.checked; toggle(box, false); }
    },
    m: () => document.querySelector("[data-mine]")?.click(),
    "/": () => document.getElementById("search").focus(),
    "?": () => document.getElementById("keys").showModal(),
    Escape: unmark,
  };

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea, dialog");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    if (event.target.matches("input[name=alert]")) toggle(event.target, event.shiftKey);
    else if (event.target.matches("[data-mark-all]")) {
      for (const box of boxes()) mark(box, event.target.checked);
      show();
    } else if (event.target.closest("[data-unmark]")) unmark();
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog).showModal();
  });

  // The refreshed list has the row again that somebody stood on.
  let stood = null;
  document.addEventListener("htmx:beforeSwap", () => { stood = current()?.dataset.alert ?? null; });
  document.addEventListener("htmx:afterSettle", () => {
    // Not from whoever began to type meanwhile: that would throw away what they wrote.
    if (stood && document.activeElement === document.body) document.querySelector(`[data-alert="${CSS.escape(stood)}"] .av-title`)?.focus({ preventScroll: true });
    stood = null;
    const desk = document.getElementById("desk");
    for (const [id, value] of [["search", desk.dataset.q], ["place", desk.dataset.node]]) {
      const field = document.getElementById(id);
      if (field !== document.activeElement) field.value = value;
    }
    show();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt === bar() && event.detail.successful) unmark();
  });
  addEventListener("DOMContentLoaded", show);
})();

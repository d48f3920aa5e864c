// Makes the pages an app: keeps the last state of what is marked, sends acts that waited, forgets all at sign-out.
(() => {
  const AGAIN_MS = 20000;
  const MOST_AHEAD = 12;
  const { owner, worker } = document.body.dataset;
  const box = document.getElementById("phone");
  const words = JSON.parse(box.dataset.words);
  const csrf = () => document.querySelector("input[name=csrf]")?.value ?? "";
  const waitingOf = (items) => items.filter((item) => !item.refused);

  async function show() {
    const items = await AquaVolt.items();
    box.hidden = items.length === 0;
    const head = document.createElement("b");
    const waiting = waitingOf(items).length;
    head.textContent = waiting ? words.waiting.replace("#", waiting) : words.refused;
    box.replaceChildren(...(items.length ? [head, QueuedForms.listOf(items, words, changed)] : []));
  }

  // Somebody pressed a button of the list: what is to be sent again goes at once.
  async function changed() {
    await show();
    await sendWaiting();
  }

  // A part that somebody writes in is left alone.
  const isWrittenIn = (part) => [...part.querySelectorAll("input:focus, textarea:focus")].some((field) => field.value);
  function refresh() {
    for (const part of document.querySelectorAll("[data-live]")) readAnew(part, "live");
    for (const part of document.querySelectorAll("[data-refresh]")) if (!isWrittenIn(part)) readAnew(part, "refresh");
  }

  // What is on its way may have been written before the act: the part is read after it, or what came in its place.
  function readAnew(part, event) {
    if (!part.classList.contains("htmx-request")) { htmx.trigger(part, event); return; }
    const then = () => readAnew(document.getElementById(part.id) ?? part, event);
    document.addEventListener("htmx:afterRequest", () => setTimeout(then), { once: true });
  }

  // Something went out, from here or from the worker.
  async function settle() {
    await show();
    await QueuedForms.settle(document);
    refresh();
  }

  async function sendAll() {
    const result = await AquaVolt.send({ isFresh: true });
    await show();
    return result;
  }

  async function sendWaiting() {
    if (!waitingOf(await AquaVolt.items()).length) return;
    const result = await sendAll();
    if (result.sent || result.refused) await settle();
  }

  // Without its token: that one belongs to this sign-in.
  function keepPart(part, address) {
    const copy = part.cloneNode(true);
    for (const secret of copy.querySelectorAll("input[name=csrf]")) secret.remove();
    const title = part.dataset.keepTitle ?? part.ownerDocument.querySelector("h1")?.textContent.trim() ?? "";
    return AquaVolt.keep(part.dataset.keep, copy.outerHTML, title, address);
  }
  const keepAll = (root = document, address = location.pathname) =>
    Promise.all([...root.querySelectorAll("[data-keep]")].map((part) => keepPart(part, address)));

  // Pages that somebody will want where there is no connection, read once a visit.
  async function keepAhead() {
    for (const link of [...document.querySelectorAll("a[data-keep-ahead]")].slice(0, MOST_AHEAD)) {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) continue;
      await keepAll(new DOMParser().parseFromString(await answer.text(), "text/html"), link.pathname);
    }
  }

  // Until the sign-in's own token is known nothing goes out.
  let known = null;
  async function queued(form, id) {
    await known.catch(() => {});
    navigator.serviceWorker?.getRegistration().then((r) => r?.sync?.register("aquavolt-queue")).catch(() => {});
    await sendAll();
    const left = (await AquaVolt.items()).find((item) => item.id === id);
    if (!left) goOn(form);
    else if (left.refused) { QueuedForms.unmark(form); refresh(); box.scrollIntoView(); }
  }

  // Where a part can be read anew by itself nobody loses their place on the page. It may have been while the act went out.
  function goOn(form) {
    const part = form.closest("[data-refresh]");
    if (part?.isConnected) readAnew(part, "refresh");
    else if (part) settle();
    else location.assign(form.elements.back?.value || location.href);
  }

  // What is kept goes before the session does; what was not sent would be lost, so somebody says so first.
  async function signOut(form) {
    const waiting = waitingOf(await AquaVolt.items().catch(() => [])).length;
    if (waiting && !confirm(words.lose.replace("#", waiting))) return;
    await AquaVolt.forget().catch(() => {});
    form.submit();
  }

  async function begin() {
    if (!owner) { // the session is over: nobody looks at another's pages; acts wait for their owner
      await AquaVolt.forgetPages();
      await AquaVolt.speak(document.documentElement.lang);
      return;
    }
    await known;
    await sendWaiting();
    await keepAll();
    await show();
    await QueuedForms.markWaiting(document, words);
    await keepAhead();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[action='/sign-out']")) return;
    event.preventDefault();
    signOut(event.target);
  });
  QueuedForms.take(words, queued, (form) => form.submit());

  document.addEventListener("DOMContentLoaded", () => {
    known = owner ? AquaVolt.become(owner, csrf(), document.documentElement.lang) : Promise.resolve();
    begin().catch(() => {}); // a browser that keeps nothing: the pages work as they always did
    document.addEventListener("htmx:afterSettle", () => {
      if (owner) keepAll().then(() => QueuedForms.markWaiting(document, words)).catch(() => {});
    });
    addEventListener("online", () => sendWaiting().catch(() => {}));
    setInterval(() => sendWaiting().catch(() => {}), AGAIN_MS);
    if (owner && worker !== undefined && "serviceWorker" in navigator) {
      navigator.serviceWorker.register("/sw.js", { scope: "/" }).catch(() => {});
      navigator.serviceWorker.addEventListener("message", () => settle().catch(() => {}));
      navigator.serviceWorker.ready.then((r) => { // a page on its way while the worker began was not taken with the others
        if (!navigator.serviceWorker.controller) r.active.postMessage("take");
      });
    }
  });
})();

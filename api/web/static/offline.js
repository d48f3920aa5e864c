// The page for no connection: the last state this phone has, with when it was taken. Acts are kept until there is a
// connection again; then they go out and the page that was asked for is loaded.
(() => {
  const LOOK_MS = 4000;
  const box = document.getElementById("offline");
  const words = JSON.parse(box.dataset.words);
  const when = (text) => new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

  // What cannot be had here goes: forms that nothing can be kept of, and photos, of which the words stay.
  function without(parsed) {
    for (const form of parsed.querySelectorAll("form:not([data-queue])")) form.remove();
    for (const photo of parsed.querySelectorAll("img")) (photo.closest("a") ?? photo).replaceWith(photo.alt);
    return parsed;
  }

  function partOf({ html, title, at }) {
    const section = document.createElement("section");
    const head = document.createElement("h2");
    head.className = "av-section";
    head.textContent = title;
    const taken = document.createElement("p");
    taken.className = "av-taken";
    taken.textContent = words.taken.replace("#", when(at));
    const parsed = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    section.append(head, taken, document.adoptNode(without(parsed)));
    return section;
  }

  function linkTo({ title, address, at }) {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = title;
    const taken = document.createElement("small");
    taken.textContent = ` ${words.taken.replace("#", when(at))}`;
    line.append(link, taken);
    return line;
  }

  // The page that was asked for; the start of the app is the tasks.
  const wanted = (parts) => {
    const here = parts.filter((part) => part.address === location.pathname);
    return here.length || location.pathname !== "/" ? here : parts.filter((part) => part.address === "/tasks");
  };

  async function showQueue() {
    const items = await AquaVolt.items();
    const queue = document.getElementById("queue");
    queue.hidden = items.length === 0;
    const head = document.createElement("b");
    head.textContent = words.waiting.replace("#", items.length);
    queue.replaceChildren(head, QueuedForms.listOf(items, words, showQueue));
  }

  async function show() {
    const { owner } = await AquaVolt.state();
    const parts = owner === undefined ? [] : await AquaVolt.kept();
    const shown = wanted(parts);
    const others = parts.filter((part) => !shown.includes(part));
    document.getElementById("nothing").hidden = parts.length > 0;
    document.getElementById("absent").hidden = parts.length === 0 || shown.length > 0;
    document.getElementById("kept").replaceChildren(...shown.map(partOf));
    document.getElementById("others").hidden = others.length === 0;
    document.getElementById("other-pages").replaceChildren(...others.map(linkTo));
    await QueuedForms.markWaiting(document, words);
    await showQueue();
  }

  async function isThere() {
    const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
    return answer?.ok ?? false;
  }

  let isLooking = false;
  async function look() {
    if (isLooking || !(await isThere())) return;
    isLooking = true;
    await AquaVolt.send({ isFresh: false }).catch(() => {});
    location.reload();
  }

  // There is no other way here: what was written stays in the form, and somebody says so.
  function tellNoRoom(form) {
    QueuedForms.unmark(form);
    alert(words.room);
  }

  function queued(form) {
    if ("again" in form.dataset) form.reset();
    return showQueue();
  }

  QueuedForms.take(words, queued, tellNoRoom);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-do=forget]") && confirm(words.forget)) AquaVolt.forget().then(show);
    if (event.target.closest("[data-do=again]")) location.reload();
  });
  addEventListener("online", look);
  setInterval(look, LOOK_MS);
  show().catch(() => {});
})();

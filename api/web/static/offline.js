// The page for no connection: the last state this phone has, with when it was taken. Acts are kept until there is a
// connection again; then they go out and the page that was asked for is loaded.
(() => {
  const LOOK_MS = 4000;
  const box = document.getElementById("offline");
  const words = JSON.parse(box.dataset.words);
  const when = (text) => new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

  function partOf({ html, title, at }) {
    const section = document.createElement("section");
    const head = document.createElement("h2");
    head.className = "av-section";
    head.textContent = title;
    const taken = document.createElement("p");
    taken.className = "av-taken";
    taken.textContent = words.taken.replace("#", when(at));
    const parsed = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    for (const form of parsed.querySelectorAll("form:not([data-queue])")) form.remove();
    section.append(head, taken, document.adoptNode(parsed));
    return section;
  }

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
    document.getElementById("nothing").hidden = parts.length > 0;
    document.getElementById("kept").replaceChildren(...parts.map(partOf));
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

  QueuedForms.take(words, () => showQueue());
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-do=forget]") && confirm(words.forget)) AquaVolt.forget().then(show);
    if (event.target.closest("[data-do=again]")) location.reload();
  });
  addEventListener("online", look);
  setInterval(look, LOOK_MS);
  show().catch(() => {});
})();

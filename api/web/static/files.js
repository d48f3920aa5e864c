// A text file that was chosen goes into the field beside it, whatever the office saved it as (UTF-8 or GBK).
(() => {
  function textOf(bytes) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return new TextDecoder("gb18030").decode(bytes);
    }
  }

  for (const chooser of document.querySelectorAll("[data-file-into]")) {
    chooser.addEventListener("change", async () => {
      const file = chooser.files[0];
      if (!file) return;
      document.getElementById(chooser.dataset.fileInto).value = textOf(await file.arrayBuffer());
      const name = document.getElementById(chooser.dataset.nameInto);
      if (name) name.value = file.name;
    });
  }
})();

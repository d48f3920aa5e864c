// Runs before the first paint: the theme somebody chose, else the system's.
(() => {
  const chosen = localStorage.getItem("aquavolt-theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
})();

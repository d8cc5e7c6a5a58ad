// Theme, contrast, projector. A classic script in the head: what was chosen holds before the first paint, and works
// without WebAssembly. The document is told of a change by "roundtrip:display".
(() => {
  const root = document.documentElement;
  const tools = { theme: ["system", "light", "dark"], contrast: ["system", "more", "normal"], projector: ["system", "on"] };
  const names = Object.keys(tools);
  const get = (name) => {
    try {
      const value = localStorage.getItem(`roundtrip.${name}`);
      return tools[name].includes(value) ? value : "system";
    } catch {
      return "system";
    }
  };
  const isMore = (value) => value === "more" || (value === "system" && matchMedia("(prefers-contrast: more)").matches);
  const show = (name, value) => {
    if (value === "system") delete root.dataset[name];
    else root.dataset[name] = value;
    const button = document.querySelector(`[data-tool=${name}]`);
    if (!button) return;
    if (name === "theme") button.querySelector("[data-value]").textContent = value;
    else button.setAttribute("aria-pressed", name === "contrast" ? isMore(value) : value === "on");
  };
  const next = (name, value) => {
    if (name === "contrast") return isMore(value) ? "normal" : "more";
    return tools[name][(tools[name].indexOf(value) + 1) % tools[name].length];
  };
  const showAll = () => names.forEach((name) => show(name, get(name)));
  showAll();
  addEventListener("DOMContentLoaded", () => {
    showAll();
    document.getElementById("page-tools").addEventListener("click", (event) => {
      const name = event.target.closest("[data-tool]")?.dataset.tool;
      if (!name) return;
      const value = next(name, root.dataset[name] ?? "system");
      try {
        localStorage.setItem(`roundtrip.${name}`, value);
      } catch {}
      show(name, value);
      document.dispatchEvent(new CustomEvent("roundtrip:display", { detail: { [name]: value } }));
    });
  });
})();

"use strict";
(() => {
  const form = document.getElementById("filter");
  const onlyWrong = document.getElementById("only-wrong");
  const language = document.getElementById("language");
  const groups = [...document.querySelectorAll("details.language")];
  const present = new Set(groups.map((group) => group.dataset.language));
  for (const option of [...language.options]) {
    if (option.value && !present.has(option.value)) option.remove();
  }
  const apply = () => {
    let shown = 0;
    for (const group of groups) {
      const wanted = !language.value || group.dataset.language === language.value;
      let here = 0;
      for (const sample of group.querySelectorAll(".sample")) {
        sample.hidden = onlyWrong.checked && !("wrong" in sample.dataset);
        here += sample.hidden ? 0 : 1;
      }
      group.hidden = !wanted || here === 0;
      if (!group.hidden && (onlyWrong.checked || language.value)) group.open = true;
      shown += group.hidden ? 0 : here;
    }
    document.getElementById("count").textContent = `${shown} articles`;
  };
  const openAll = (open) => groups.forEach((group) => { group.open = open; });
  document.getElementById("open").addEventListener("click", () => openAll(true));
  document.getElementById("close").addEventListener("click", () => openAll(false));
  onlyWrong.addEventListener("change", apply);
  language.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("beforeprint", () => openAll(true));
  form.hidden = groups.length === 0;
  apply();
})();

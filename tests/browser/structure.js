// What somebody who hears a page, or touches it, would stumble over (after WCAG 2.2 and axe's rules).
() => {
  const faults = [];
  const visible = (element) => element.checkVisibility();
  const all = (selector) => [...document.querySelectorAll(selector)].filter(visible);
  const say = (element) => element.outerHTML.slice(0, 90);
  const text = (id) => (document.getElementById(id) || { textContent: "" }).textContent.trim();
  const name = (element) =>
    (element.getAttribute("aria-labelledby") || "").split(" ").map(text).join("").trim() ||
    (element.getAttribute("aria-label") || "").trim() ||
    [...(element.labels || [])].map((label) => label.textContent.trim()).join("") ||
    element.textContent.trim() ||
    [...element.querySelectorAll("img")].map((image) => image.alt).join("");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title.trim()) faults.push("no title");
  for (const [selector, count] of [["h1", 1], ["main", 1], ["header", 1]])
    if (all(selector).length !== count) faults.push(`${all(selector).length} × ${selector}`);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) faults.push(`a level is left out before ${say(heading)}`);
    level = own;
  }
  for (const element of all("input, select, textarea"))
    if (element.type !== "hidden" && !(element.labels || []).length) faults.push(`no label: ${say(element)}`);
  for (const element of all("a, button, summary, section, nav, [tabindex], [role]:not([role=cell])"))
    if (!name(element)) faults.push(`no name: ${say(element)}`);
  for (const element of all("pre[aria-label], div[aria-label], span[aria-label]"))
    if (!element.getAttribute("role")) faults.push(`a name without a role: ${say(element)}`);
  for (const image of document.querySelectorAll("img")) if (!image.hasAttribute("alt")) faults.push(`no alt: ${say(image)}`);
  for (const head of document.querySelectorAll("th")) if (!head.scope) faults.push(`no scope: ${say(head)}`);
  for (const part of document.querySelectorAll("table, thead, tbody, tr, th, td"))
    if (!getComputedStyle(part).display.startsWith("table") && !part.getAttribute("role"))
      faults.push(`no table any more: ${say(part)}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
  for (const label of document.querySelectorAll("label"))
    if (!label.control) faults.push(`a label of nothing: ${say(label)}`);
  for (const element of all("button, input, select, summary, a.button")) {
    const box = element.getBoundingClientRect();
    if (element.type !== "hidden" && (box.height < 24 || box.width < 24)) faults.push(`too small to touch: ${say(element)}`);
  }
  return faults;
}

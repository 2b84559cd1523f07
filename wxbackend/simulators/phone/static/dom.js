/* Builds elements and two-language text; amounts are moved digits, never divided. */

export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value === true) {
      element.setAttribute(key, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Chinese first, English beneath; the page's language switch decides which are seen. */
export function two(chinese, english) {
  const both = document.createDocumentFragment();
  both.append(h("span", { class: "zh", lang: "zh-CN" }, chinese), h("span", { class: "en", lang: "en" }, english));
  return both;
}

export function yuan(fen) {
  const digits = String(Math.abs(fen)).padStart(3, "0");
  return `${fen < 0 ? "-" : ""}¥${digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",")}.${digits.slice(-2)}`;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** The language switch: "zh" shows both, "en" shows English alone; remembered for this browser. */
export function applyLanguage(wanted) {
  let language = wanted;
  try {
    language = wanted || localStorage.getItem("simulator.language");
    localStorage.setItem("simulator.language", language || "zh");
  } catch (error) {
    language = wanted;
  }
  document.documentElement.dataset.words = language || "zh";
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  return document.documentElement.dataset.words;
}

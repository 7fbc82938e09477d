"use strict";
// Texts are strangers': they go into the page as text nodes only, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const tip = document.getElementById("tip");

/** An HTML element with a text. */
function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/** Shows a title and rows of [what, text] beside the pointer; rows without a text are left out. */
function showTip(title, rows, x, y) {
  const list = document.createElement("dl");
  for (const [what, text] of rows) {
    if (text !== undefined && text !== null && text !== "") {
      list.append(element("dt", what), element("dd", String(text)));
    }
  }
  tip.replaceChildren(element("b", title), list);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  const top = y + 12 + box.height > innerHeight ? y - 12 - box.height : y + 12;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, top) + "px";
}

function hideTip() {
  tip.hidden = true;
}

// Screens of what an organization is set up with.

import { makeComboboxes } from "./combobox.js";

const words = document.querySelector("[data-no-match]");
if (words) makeComboboxes(document, words.dataset.noMatch);

// The form that asks for a token. What the pages send back to the node needs the token itself, so this tab remembers it; the
// browser's cookie is only good for reading.

const form = document.getElementById("signin");

sessionStorage.removeItem("token"); // whoever comes here signed out, or had one that does not count
form.addEventListener("submit", () => sessionStorage.setItem("token", form.elements.token.value.trim()));
form.elements.token.focus();

/* What the console adds to its pages: times in the reader's zone, dialogs instead of pages, and focus after a part of a
   page was replaced. Every page works without it. */
(function () {
  "use strict";

  var full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  var short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function times(root) {
    root.querySelectorAll("time[datetime]:not([data-local])").forEach(function (time) {
      var at = new Date(time.getAttribute("datetime"));
      if (isNaN(at)) return;
      time.textContent = short.format(at);
      time.title = full.format(at);
      time.setAttribute("data-local", "");
    });
  }

  /* <a data-dialog="id" href="a page that asks the same"> opens the dialog of that id, where there is one. */
  document.addEventListener("click", function (event) {
    var opener = event.target.closest("[data-dialog]");
    if (opener) {
      var dialog = document.getElementById(opener.getAttribute("data-dialog"));
      if (dialog && dialog.showModal) {
        event.preventDefault();
        dialog.showModal();
      }
      return;
    }
    var closer = event.target.closest("[data-close]");
    if (closer && closer.closest("dialog")) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });

  /* Pages that are only shown while the script runs: <… data-script hidden>. */
  function scripted(root) {
    root.querySelectorAll("[data-script]").forEach(function (element) {
      element.hidden = false;
    });
  }

  /* A secret or command is copied by <button data-copy="id of the element">. */
  document.addEventListener("click", function (event) {
    var copier = event.target.closest("[data-copy]");
    if (!copier || !navigator.clipboard) return;
    var source = document.getElementById(copier.getAttribute("data-copy"));
    navigator.clipboard.writeText(source.textContent).then(function () {
      copier.textContent = "Copied";
    });
  });

  function dress(root) {
    times(root);
    scripted(root);
  }
  dress(document);
  document.addEventListener("htmx:load", function (event) {
    dress(event.detail.elt);
  });
})();

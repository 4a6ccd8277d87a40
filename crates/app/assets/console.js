/* What the console adds to its pages: times in the reader's zone, dialogs instead of pages, and patience with hands that
   are at work while a part of a page is replaced. Every page works without it. */
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

  /* While a pointer is down nothing is asked for: an answer would move what stands under it, and the click that its
     release makes would go nowhere. A list that drops down may keep the release to itself, so it does not wait. */
  var down = false;
  var waiting = [];
  function up() {
    down = false;
    // The click comes first.
    setTimeout(function () {
      waiting.splice(0).forEach(function (issue) {
        issue();
      });
    });
  }
  document.addEventListener("pointerdown", function () { down = true; }, true);
  document.addEventListener("pointerup", up, true);
  document.addEventListener("pointercancel", up, true);
  document.addEventListener("pointermove", function (event) {
    if (down && event.buttons === 0) up();
  }, true);
  document.addEventListener("htmx:confirm", function (event) {
    var cause = event.detail.triggeringEvent;
    if (!down || (cause && cause.target.tagName === "SELECT")) return;
    event.preventDefault();
    waiting.push(event.detail.issueRequest);
  });

  /* An answer to what was filled in before the last letter does not replace that letter; leaving the field asks anew. */
  var typed = null;
  document.addEventListener("input", function (event) {
    typed = event.target;
  });
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (typed && event.detail.elt.contains(typed)) typed = null;
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (typed && event.detail.target.contains(typed)) event.detail.shouldSwap = false;
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

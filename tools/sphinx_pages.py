"""A Sphinx extension: what a page says about itself to search engines, to other sites, to readers.

It adds a description and the Open Graph tags to each page's head, and to its foot the day of the
last commit that changed it. Open Graph wants full addresses. They follow from the repository's
address once that is real; before, the picture's address is relative.

``{repository}`release <releases>` `` links to a page of the repository. Before its address is real
the words stand there without a link.
"""

import html
import re
import subprocess

from docutils import nodes
from sphinx.util.docutils import ReferenceRole

TAGLINE = "A book in which every claim is proved or measured"
CARD = "_static/card.png"  # made by tools/pictures.py
CARD_ALT = "The book's title above four rows of generated garments, each turning into another."
CITATION = re.compile(r" \[[^\]]*\d{4}\w?\]")  # "[Xiao et al., 2017]"
MAX_DESCRIPTION = 200  # characters; readers of such tags cut off more


def site_url(repository):
    """Returns where GitHub Pages publishes a repository, or "" if its address is not set yet."""
    match = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+?)/?", repository or "")
    if not match or match.groups() == ("OWNER", "NAME"):
        return ""
    owner, name = match.groups()
    return f"https://{owner.lower()}.github.io/{name}/"


def set_site_url(app, config):
    """Derives the book's address from the repository's, unless ``html_baseurl`` is given."""
    config.html_baseurl = config.html_baseurl or site_url(
        config.html_theme_options.get("repository_url")
    )


class Repository(ReferenceRole):
    """Links to a page of the repository, by its address below that of the repository."""

    def run(self):
        """Returns the link, or its words."""
        url = self.config.html_theme_options.get("repository_url")
        if not site_url(url):
            return [nodes.Text(self.title)], []
        target = f"{url.rstrip('/')}/{self.target}"
        return [nodes.reference(self.rawtext, self.title, refuri=target, internal=False)], []


def description(doctree):
    """Returns a page's first paragraph as one line, cut at a word; "" where there is none."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        if isinstance(paragraph.parent, nodes.section):
            text = CITATION.sub("", " ".join(paragraph.astext().split()))
            if len(text) <= MAX_DESCRIPTION:
                return text
            return text[:MAX_DESCRIPTION].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    return ""


def tags(title, text, url, picture):
    """Returns the meta elements of one page."""
    values = {
        ("name", "description"): text,
        ("property", "og:type"): "article",
        ("property", "og:site_name"): "GANs by Experiment",
        ("property", "og:title"): title,
        ("property", "og:description"): text,
        ("property", "og:url"): url,
        ("property", "og:image"): picture,
        ("property", "og:image:width"): "1200",
        ("property", "og:image:height"): "630",
        ("property", "og:image:alt"): CARD_ALT,
        ("name", "twitter:card"): "summary_large_image",
    }
    return "".join(
        f'\n    <meta {key}="{name}" content="{html.escape(value)}" />'
        for (key, name), value in values.items()
        if value
    )


def read_dates(app):
    """Asks git when each file was last changed; without git, or outside a repository, nothing."""
    command = ["git", "-C", app.srcdir, "log", "--format=@%cs", "--name-only", "--relative"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = result.stdout.splitlines()
    except OSError:
        lines = []
    app.book_dates, date = {}, ""
    for line in lines:  # the newest commit first
        if line.startswith("@"):
            date = line[1:]
        elif line:
            app.book_dates.setdefault(line, date)


def last_updated(app, pagename):
    """Returns the newest date of a page's source and of what it includes, such as 2026-11-23."""
    sources = [app.env.doc2path(pagename, base=False), *app.env.dependencies.get(pagename, ())]
    return max((app.book_dates.get(str(source), "") for source in sources), default="")


def needed(scripts):
    """Returns the scripts of a page, each once, without those of Thebe, which nothing here uses.

    Sphinx 7.4 lists inline scripts twice that an extension adds late, once without a file name and
    once with an empty one. A constant declared twice is an error in the browser.
    """
    kept = {}
    for script in scripts:
        if "thebe" not in str(script).lower():
            kept.setdefault((script.filename or "", str(sorted(script.attributes.items()))), script)
    return list(kept.values())


def with_one_chinese_heading(groups):
    """Returns an index whose Chinese entries stand under one heading, not under one a character."""
    latin = [(letter, entries) for letter, entries in groups if letter.isascii()]
    chinese = [entry for letter, entries in groups if not letter.isascii() for entry in entries]
    return [*latin, ("中文", chinese)] if chinese else latin


def finish_page(app, pagename, templatename, context, doctree):
    """Adds the tags and the date, and keeps the scripts that the page needs."""
    title = re.sub("<[^>]*>", "", context.get("title") or "")
    if pagename == app.config.root_doc:
        context["title"] = TAGLINE  # else the browser's tab would show the book's title twice
    url = app.config.html_baseurl
    here = f"{url}{app.builder.get_target_uri(pagename)}" if url else ""
    picture = f"{url}{CARD}" if url else context["pathto"](CARD, 1)
    context["metatags"] = context.get("metatags", "") + tags(
        html.unescape(title), description(doctree), here, picture
    )
    if pagename in app.env.all_docs:
        context["last_updated"] = last_updated(app, pagename)
    if pagename == "genindex":
        groups = with_one_chinese_heading(context["genindexentries"])
        context["genindexentries"] = groups
        context["genindexcounts"] = [
            sum(1 + len(subitems) for _, (_, subitems, _) in entries) for _, entries in groups
        ]
    context["script_files"][:] = needed(context["script_files"])


def setup(app):
    app.add_role("repository", Repository())
    app.connect("config-inited", set_site_url)
    app.connect("builder-inited", read_dates)
    app.connect("html-page-context", finish_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

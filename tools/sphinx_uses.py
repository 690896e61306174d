"""A Sphinx extension: a theorem says where it is used, a docstring links to what it names.

Below each theorem, proposition, lemma, corollary and definition stand the places that refer to it:
the statements whose text or proof does, the sections of its own chapter, the other chapters. On the
pages of the library, code that names something of the library leads to it.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode
from sphinx_proof.nodes import (
    corollary_node,
    definition_node,
    lemma_node,
    proof_node,
    proposition_node,
    theorem_node,
)

try:
    from sphinx_chapters import chapter_number
except ImportError:  # in a test
    from tools.sphinx_chapters import chapter_number

STATEMENTS = (theorem_node, proposition_node, lemma_node, corollary_node, definition_node)
API = "book/api"
NAME = re.compile(r"([A-Za-z_][\w.]*)(?:\(.*\))?", re.DOTALL)  # or a call of it


# --- where statements are used --------------------------------------------------------------------


def place_of(node, proofs):
    """Returns where a reference stands: (kind, label or id, heading)."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, STATEMENTS):
            return "statement", node["label"], ""
        if isinstance(node, proof_node) and node in proofs:
            return "statement", proofs[node], ""
        if isinstance(node, nodes.section) and isinstance(node[0], nodes.title):
            return "section", node["ids"][0], node[0].astext()
    return None


def proofs_in(doctree):
    """Returns whose proof each proof is: the statement before it in the same part of the page."""
    found, last = {}, None
    for node in doctree.findall():
        if isinstance(node, STATEMENTS):
            last = node
        elif isinstance(node, proof_node) and last is not None and last.parent is node.parent:
            found[node] = last["label"]
    return found


def collect(app, doctree):
    """Notes each reference to a statement: page -> list of (label, place)."""
    proofs = proofs_in(doctree)
    uses = [
        (link["reftarget"], place_of(link, proofs))
        for link in doctree.findall(addnodes.pending_xref)
        if link["refdomain"] == "prf"
    ]
    all_uses(app.env)[app.env.docname] = [use for use in uses if use[1] is not None]


def all_uses(env):
    """Returns page -> the uses in it."""
    if not hasattr(env, "book_uses"):
        env.book_uses = {}
    return env.book_uses


def forget(app, env, docname):
    """Forgets a page that is read anew."""
    all_uses(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Takes over what another process has read."""
    all_uses(env).update({name: uses for name, uses in all_uses(other).items() if name in docnames})


class SayWhereUsed(SphinxPostTransform):
    """Adds to each statement of a page the places that refer to it."""

    default_priority = 4  # before references are resolved, since it makes some

    def run(self, **kwargs):
        """Adds the lines of one page."""
        for statement in list(self.document.findall(lambda node: isinstance(node, STATEMENTS))):
            links = list(self._links(statement["label"]))
            if not links:
                continue
            line = nodes.paragraph("", "Used in ", classes=["used"])
            for k, link in enumerate(links):
                between = "" if k == 0 else " and " if k == len(links) - 1 else ", "
                line += [nodes.Text(between), link]
            line += nodes.Text(".")
            statement += line

    def _links(self, label):
        here = self.env.docname
        pages = sorted(all_uses(self.env), key=lambda name: (name != here, name))
        seen = set()
        for page in pages:
            for target, (kind, name, heading) in all_uses(self.env)[page]:
                if target != label or name == label:
                    continue
                key = name if page == here else page
                if key in seen:
                    continue
                seen.add(key)
                if kind == "statement" and page == here:
                    yield self._reference("prf", "ref", name)
                else:
                    yield self._link(page, name, heading if kind == "section" else "")

    def _reference(self, domain, kind, target):
        """Returns a reference to a statement, which gets its number where it is resolved."""
        return addnodes.pending_xref(
            "",
            nodes.inline(target, target, classes=["xref", domain, f"{domain}-{kind}"]),
            refdomain=domain,
            reftype=kind,
            reftarget=target,
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )

    def _link(self, page, anchor, heading):
        """Returns a link to a section of this page, or to another chapter."""
        here, number = self.env.docname, chapter_number(page)
        title = self.env.titles[page].astext()
        text = f"“{heading}”" if page == here else f"chapter {number}" if number else title
        inner = nodes.inline(text, text)
        return make_refnode(self.app.builder, here, page, anchor, inner, heading or title)


# --- names in docstrings --------------------------------------------------------------------------


def described(node):
    """Returns the description, of a class or a function, in whose text a node stands, or None."""
    while node is not None and not isinstance(node, addnodes.desc):
        node = node.parent
    return node


class LinkNames(SphinxPostTransform):
    """Links the names of the library that stand as code in its docstrings."""

    default_priority = 4

    def run(self, **kwargs):
        """Links the names on one page of the library."""
        if not self.env.docname.startswith(API):
            return
        for name in self.document.findall(nodes.field_name):
            if name.astext() == "Variables":  # Sphinx's word for what everybody calls attributes
                name.children = [nodes.Text("Attributes")]
        objects = self.env.get_domain("py").objects
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference):
                continue
            description = described(literal)
            module = description[0].get("module", "") if description else ""
            signature = description[0].astext() if description else ""
            found = self._find(literal.astext(), module, signature, objects)
            if found:
                full, entry = found
                here, inner = self.env.docname, literal.deepcopy()
                link = make_refnode(
                    self.app.builder, here, entry.docname, entry.node_id, inner, full
                )
                literal.replace_self(link)

    def _find(self, text, module, signature, objects):
        """Returns the (full name, entry) of what a piece of code names, or None."""
        match = NAME.fullmatch(text)
        if not match or re.search(rf"\b{re.escape(match[1])}\b", signature):
            return None
        name = match[1]
        for full in (name, f"{module}.{name}", f"ganlib.{name}"):
            if full in objects and (full != name or "." in name):
                return full, objects[full]
        if not re.search(r"[._A-Z]", name):
            return None
        ends = [full for full in objects if full.endswith(f".{name}")]
        return (ends[0], objects[ends[0]]) if len(ends) == 1 else None


def setup(app):
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.add_post_transform(SayWhereUsed)
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

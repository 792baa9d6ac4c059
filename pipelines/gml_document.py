"""The national GML as XML: opened safely, streamed object by object, explained when it breaks."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast
from xml.parsers import expat

from lxml import etree

from mesip.errors import SourceError

GML = "http://www.opengis.net/gml/3.2"
MEMBERS = (f"{{{GML}}}featureMember", f"{{{GML}}}featureMembers")
CHUNK_BYTES = 1 << 16
LARGEST_OBJECT_BYTES = 64 << 20
ENCODING_ERRORS = frozenset({
    etree.ErrorTypes.ERR_INVALID_ENCODING,
    etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
    etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
    etree.ErrorTypes.I18N_CONV_FAILED,
})  # fmt: skip

WRONG_ENCODING = frozenset({
    expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING],
    expat.errors.codes[expat.errors.XML_ERROR_INCORRECT_ENCODING],
})  # fmt: skip


def stream_objects(path: Path) -> Iterator[etree._Element]:
    """Each object of the collection at ``path``; it may be gone when the next one is asked for.

    Raises:
        SourceError: the file breaks off, is not well formed, or one object exceeds 64 MB.
    """
    parser = etree.XMLPullParser(
        events=("end",), tag=MEMBERS, huge_tree=True, no_network=True, load_dtd=False, collect_ids=False,
        resolve_entities="internal",  # pyright: ignore[reportArgumentType] - the stubs know only bool
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    pending = done = 0
    with path.open("rb") as file:
        for chunk in iter(partial(file.read, CHUNK_BYTES), b""):
            _feed(parser, chunk, path)
            pending += len(chunk)
            member = None
            for _, member in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
                done, pending = done + pending, 0
                yield from member
            _forget_before(member)
            if pending > LARGEST_OBJECT_BYTES:
                raise SourceError(
                    f"{path}: from byte {done} on, more than 64 MB pass without the end of a "
                    "gml:featureMember. No object is that large; ask for one object in each member."
                )
    _close(parser, path)


def line_of(element: etree._Element) -> int:
    """Line on which the start tag of ``element`` ends."""
    line = int(element.sourceline or 0)
    if line < 65535:  # noqa: PLR2004 - libxml2 keeps 16 bits; beyond, it gives the end of the text inside
        return line
    return line - (element.text or "").count("\n")


def check_opening(path: Path) -> set[str]:
    """Refuse what is no GML collection, and any DTD, before a parser that expands entities sees it.

    Returns:
        The namespaces that the root element declares.

    Raises:
        SourceError: no file, nothing in it, no XML, HTML, a DTD, or another root element.
    """
    if path.is_dir():
        raise SourceError(f"{path} is a folder. Name the GML file in it.")
    try:
        with path.open("rb") as file:
            return _root_namespaces(iter(partial(file.read, 4096), b""), path)
    except OSError as cause:
        raise SourceError(
            f"{path} cannot be opened: {cause.strerror}. Check the path and its rights."
        ) from cause


def _root_namespaces(chunks: Iterator[bytes], path: Path) -> set[str]:
    namespaces: set[str] = set()
    roots: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = partial(_refuse_doctype, path)
    parser.StartNamespaceDeclHandler = lambda _, uri: None if roots else namespaces.add(uri)
    parser.StartElementHandler = lambda name, _: roots.append(name)
    head = b""
    for chunk in chain(chunks, [b""]):  # the empty chunk: expat keeps a long token back until told of the end
        head = head or chunk
        try:
            parser.Parse(chunk, not chunk)
        except (expat.ExpatError, LookupError, ValueError) as cause:
            if chunk and not roots:  # what follows the root is for the other parser to judge
                raise SourceError(_explain_opening(cause, parser.CurrentLineNumber, head, path)) from cause
        if roots:
            _check_root(roots[0], path)
            return namespaces
    if not head.strip():
        raise SourceError(f"{path} is empty. Fetch it again, or ask the sender for it.")
    if not head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise SourceError(_no_xml(path, "line 1 does not begin with '<'"))
    raise SourceError(_broken_off(path, parser.CurrentLineNumber))


def _explain_opening(cause: Exception, line: int, head: bytes, path: Path) -> str:
    if b"<html" in head.lower():
        return _html(path)
    if not isinstance(cause, expat.ExpatError) or cause.code in WRONG_ENCODING:
        return _wrong_encoding(path, line)
    return _no_xml(path, f"line {line}, {expat.ErrorString(cause.code)}")


def _refuse_doctype(path: Path, name: str, *_: object) -> None:
    if name.lower() == "html":
        raise SourceError(_html(path))
    raise SourceError(
        f"{path} declares a document type (<!DOCTYPE {name}>). The national GML has none, and declared "
        "entities can read files or fill the memory. Remove the declaration, or ask the sender for the GML."
    )


def _check_root(name: str, path: Path) -> None:
    namespace, _, local = name.rpartition(" ")
    if local.lower() == "html":
        raise SourceError(_html(path))
    if (namespace, local) != (GML, "FeatureCollection"):
        raise SourceError(
            f"{path}: the root element is {local} of namespace {namespace or '(none)'}, not "
            f"gml:FeatureCollection of {GML}. Deliver the exchange file of the register (GML 3.2)."
        )


def _feed(parser: etree.XMLPullParser, chunk: bytes, path: Path) -> None:
    try:
        parser.feed(chunk)
    except etree.XMLSyntaxError as cause:
        raise SourceError(_explain(cause, path)) from cause


def _close(parser: etree.XMLPullParser, path: Path) -> None:
    try:
        parser.close()
    except etree.XMLSyntaxError as cause:
        if getattr(cause, "code", 0) in ENCODING_ERRORS:
            raise SourceError(_wrong_encoding(path, cause.lineno)) from cause
        raise SourceError(_broken_off(path, cause.lineno)) from cause


def _forget_before(member: etree._Element | None) -> None:
    """Drop what precedes ``member`` (the parser may still stand in what follows it)."""
    if member is not None and (collection := member.getparent()) is not None:
        del collection[: collection.index(member)]


def _explain(cause: etree.XMLSyntaxError, path: Path) -> str:
    if getattr(cause, "code", 0) in ENCODING_ERRORS:
        return _wrong_encoding(path, cause.lineno)
    reason = " ".join((cause.msg or "").split())
    return (
        f"{path}, line {cause.lineno}: not well-formed XML ({reason}). "
        "The file was damaged or edited by hand; export or fetch it again."
    )


def _no_xml(path: Path, why: str) -> str:
    return f"{path} is not XML: {why}. Deliver the GML file itself, unpacked."


def _html(path: Path) -> str:
    return (
        f"{path}: line 1 begins a web page (HTML) saved under the name of a GML file. The download gave a "
        "login or error page; open it in a browser to see what it says, then fetch the GML again."
    )


def _broken_off(path: Path, line: int | None) -> str:
    return (
        f"{path} ends at line {line}, before its root element is closed: the download or copy broke off. "
        "Fetch the file again."
    )


def _wrong_encoding(path: Path, line: int | None) -> str:
    return (
        f"{path}, line {line} or soon after: the bytes are not in the encoding that the file declares. "
        'Save it again as UTF-8, or declare the encoding it is in, such as encoding="windows-1250".'
    )

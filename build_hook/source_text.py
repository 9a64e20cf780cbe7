"""A source as bytes, with the positions of its parts.

ast positions are offsets into UTF-8, those of tokenize are characters: here all are offsets in bytes.
"""

import ast
import bisect
import io
import tokenize

Span = tuple[int, int]  # from (included) and to (excluded), in bytes


class Text:
    """A source as bytes, with the positions of its lines, comments and branch keywords."""

    def __init__(self, source: bytes) -> None:
        """Index the source's lines and tokens."""
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.comments: list[Span] = []
        self.elses: list[int] = []
        self.colons: list[int] = []
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT:
                start = self.token_start(token)
                self.comments.append((start, start + len(token.string.encode())))
            elif token.type == tokenize.NAME and token.string == "else":
                self.elses.append(self.token_start(token))
            elif token.type == tokenize.OP and token.string == ":":
                self.colons.append(self.token_start(token))

    def token_start(self, token: tokenize.TokenInfo) -> int:
        row, column = token.start  # in characters, not in bytes
        line = self.source[self.starts[row - 1] : self.starts[row]].decode()
        return self.starts[row - 1] + len(line[:column].encode())

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Return the span of an expression or a statement. A function's begins with its decorators."""
        start = self.starts[node.lineno - 1] + node.col_offset
        if decorators := getattr(node, "decorator_list", []):
            start = self.source.rindex(b"@", 0, self.span(decorators[0])[0])
        return start, self.starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def line_start(self, offset: int) -> int:
        """Return the offset at which this offset's line begins."""
        return self.starts[bisect.bisect_right(self.starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Return the offset at which this offset's line ends, before its line end."""
        return offset + len(self.source[offset : self.next_line(offset)].rstrip(b"\r\n"))

    def next_line(self, offset: int) -> int:
        """Return the offset at which the next line begins."""
        end = self.source.find(b"\n", offset)
        return end + 1 if end >= 0 else len(self.source)

    def many_lines(self, node: ast.expr) -> bool:
        """Tell whether an expression goes on after its first line."""
        start, end = self.span(node)
        return self.next_line(start) < end

    def column(self, offset: int) -> int:
        """Return an offset's distance from the beginning of its line."""
        return offset - self.line_start(offset)

    def alone(self, comment: Span) -> bool:
        """Tell whether a comment has its line for itself."""
        return not self.source[self.line_start(comment[0]) : comment[0]].strip()

    def suite_end(self, last: ast.stmt, column: int) -> int:
        """Return the end of a suite: its last line, or the last of the comments below at its indentation.

        `column` is that of the keyword whose suite it is.
        """
        end = self.line_end(self.span(last)[1])
        for comment in self.comments:
            if comment[0] < end:
                continue
            between = self.source[end : comment[0]]
            if between.strip() or self.column(comment[0]) <= column:
                break
            end = comment[1]
        return end

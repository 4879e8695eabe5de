"""Products of matrices by their usual names, and small systems of linear equations.

Factorisations are written out column by column, for matrices of a few dozen rows at most; they work
on stacks of matrices (.., n, n) and have gradients of every order, as they consist of other ops.
"""

from __future__ import annotations

from typing import Self, TypeVar

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer
from tilegrad.tensor.base import as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.quantiles import Quantiles


class LinearAlgebra(Quantiles):
    """Products, determinants, inverses, solutions, Cholesky's and QR factors."""

    __slots__ = ()

    def mm(self, mat2: Self) -> Self:
        """Return the product of two matrices."""
        return self._product("mm", 2, mat2, 2)

    def bmm(self, mat2: Self) -> Self:
        """Return the products of two stacks of matrices."""
        return self._product("bmm", 3, mat2, 3)

    def mv(self, vec: Self) -> Self:
        """Return the product of a matrix and a vector."""
        return self._product("mv", 2, vec, 1)

    def _product(self, name: str, rank: int, other: Self, other_rank: int) -> Self:
        if (self.ndim, other.ndim) != (rank, other_rank):
            raise ShapeError(
                f"{name}: the numbers of axes",
                got=f"{show_shape(self.node.shape)} and {show_shape(other.node.shape)}",
                expected=f"{rank} and {other_rank} axes",
                mend="use matmul, which takes any number",
            )
        return self @ other

    def addmm(self, mat1: Self, mat2: Self, *, beta: float = 1, alpha: float = 1) -> Self:
        """Return beta · self + alpha · mat1 @ mat2."""
        return self * beta + mat1.mm(mat2) * alpha

    def baddbmm(self, batch1: Self, batch2: Self, *, beta: float = 1, alpha: float = 1) -> Self:
        """Return beta · self + alpha · batch1 @ batch2 for stacks of matrices."""
        return self * beta + batch1.bmm(batch2) * alpha

    def addmv(self, mat: Self, vec: Self, *, beta: float = 1, alpha: float = 1) -> Self:
        """Return beta · self + alpha · mat @ vec."""
        return self * beta + mat.mv(vec) * alpha

    def inner(self, other: Self) -> Self:
        """Return the sums of products along the last axes of both."""
        if not self.ndim or not other.ndim:
            return self * other
        return self.tensordot(other, ((self.ndim - 1,), (other.ndim - 1,)))

    def vdot(self, other: Self) -> Self:
        """Return the sum of products of two vectors."""
        return self._product("vdot", 1, other, 1)

    def kron(self, other: Self) -> Self:
        """Return Kronecker's product: each element times the whole of the other tensor."""
        rank = max(self.ndim, other.ndim)
        left, right = (one.reshape(*(1,) * (rank - one.ndim), *one.shape) for one in (self, other))
        apart = [size for one in left.shape for size in (one, 1)]
        inside = [size for one in right.shape for size in (1, one)]
        sizes = [a * b for a, b in zip(left.shape, right.shape, strict=True)]
        return (left.reshape(*apart) * right.reshape(*inside)).reshape(*sizes)

    def cross(self, other: Self, dim: int = -1) -> Self:
        """Return the vector product along an axis of size 3."""
        if self.shape[dim] != 3 or other.shape[dim] != 3:
            raise ShapeError(
                "cross: the axis",
                got=f"{show_shape(self.node.shape)} and {show_shape(other.node.shape)}",
                expected="a size of 3",
            )
        first, second = (
            self.roll(-1, dim) * other.roll(1, dim),
            self.roll(1, dim) * other.roll(-1, dim),
        )
        return first - second

    def matrix_power(self, n: int) -> Self:
        """Return the product of n equal matrices; of their inverses if n is negative."""
        size = self._square("matrix_power")
        base = self.inverse() if n < 0 else self
        result = identity(size, self)
        count = abs(n)
        while count:
            result = result @ base if count & 1 else result
            count >>= 1
            base = base @ base if count else base
        return result.expand(*self.shape)

    def det(self) -> Self:
        """Return the determinants."""
        reduced, sign = _eliminate(self, self._square("det"), above=False)
        return reduced.diagonal(0, -2, -1).prod(-1) * sign

    def slogdet(self) -> tuple[Self, Self]:
        """Return the determinants' signs, and the logarithms of their absolute values."""
        reduced, sign = _eliminate(self, self._square("slogdet"), above=False)
        factors = reduced.diagonal(0, -2, -1)
        return factors.sign().prod(-1) * sign, factors.abs().log().sum(-1)

    def logdet(self) -> Self:
        """Return the logarithms of the determinants; NaN where they are negative."""
        sign, size = self.slogdet()
        return size + sign.log()

    def inverse(self) -> Self:
        """Return the inverse matrices; those of singular ones hold NaN or ∞."""
        return self.solve(identity(self._square("inverse"), self))

    def solve(self, other: Self) -> Self:
        """Return x with self @ x = other, by Gauss and Jordan's elimination with row pivots.

        Args:
            other: right-hand sides (.., n, k), or one vector (n,).
        """
        size = self._square("solve")
        if other.ndim == 1:
            return self.solve(other.unsqueeze(1)).squeeze(-1)
        batch = self.shape[:-2] if self.ndim >= other.ndim else other.shape[:-2]
        left = self._float().expand(*batch, size, size)
        right = other.expand(*batch, *other.shape[-2:])
        reduced, _ = _eliminate(left.cat(right, dim=-1), size, above=True)
        count = reduced.shape[-1]
        factors = reduced.diagonal(0, -2, -1).unsqueeze(-1)
        return reduced.narrow(-1, size, count - size) / factors

    def cholesky(self, upper: bool = False) -> Self:
        """Return L, lower triangular, with L @ Lᵀ = self (or Lᵀ); NaN if it is not positive.

        Args:
            upper: whether to return Lᵀ.
        """
        size = self._square("cholesky")
        matrix = self._float()
        if size == 0:
            return matrix
        row = row_numbers(size, self)
        columns: list[Self] = []
        for k in range(size):
            rest = matrix.narrow(-1, k, 1)
            if columns:
                found = columns[0].cat(*columns[1:], dim=-1)
                rest = rest - found @ found.narrow(-2, k, 1).mT
            root = rest.narrow(-2, k, 1).sqrt()
            columns.append((row >= k).where(rest / root, 0.0))
        factor = columns[0].cat(*columns[1:], dim=-1)
        return factor.mT if upper else factor

    def qr(self) -> tuple[Self, Self]:
        """Return Q with orthonormal columns and R, upper triangular, with Q @ R = self.

        By Gram and Schmidt's method, done twice; the columns must be independent. R's diagonal is
        positive.

        Raises:
            ShapeError: there are more columns than rows.
        """
        if self.ndim < 2 or as_integer(self.shape[-1], "a size") > as_integer(
            self.shape[-2], "a size"
        ):
            raise ShapeError(
                "qr needs at least as many rows as columns", got=show_shape(self.node.shape)
            )
        matrix = self._float()
        size = as_integer(self.shape[-1], "a size")
        if size == 0:
            return matrix, matrix.mT @ matrix
        found: list[Self] = []
        factors: list[Self] = []
        for k in range(size):
            rest = matrix.narrow(-1, k, 1)
            parts = []
            if found:
                known = found[0].cat(*found[1:], dim=-1)
                first = known.mT @ rest
                rest = rest - known @ first
                second = known.mT @ rest
                rest = rest - known @ second
                parts.append(first + second)
            length = (rest * rest).sum(-2, keepdim=True).sqrt()
            parts.append(length)
            found.append(rest / length)
            factor = parts[0].cat(*parts[1:], dim=-2)
            missing = size - 1 - k
            factors.append(factor.pad((0, 0, 0, missing)) if missing else factor)
        return found[0].cat(*found[1:], dim=-1), factors[0].cat(*factors[1:], dim=-1)

    def _float(self) -> Self:
        return self.with_node(as_float(self.node))

    def _square(self, name: str) -> int:
        """Return the size of square matrices.

        Raises:
            ShapeError: they are not square.
        """
        shape = self.node.shape
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise ShapeError(f"{name} needs square matrices", got=show_shape(shape))
        return as_integer(self.shape[-1], "the size of a matrix")


T = TypeVar("T", bound=LinearAlgebra)


def row_numbers(size: int, like: T) -> T:
    """Return 0, 1, .. down a column (int64), on the device of another tensor."""
    return like.with_node(nodes.positions(size, dtypes.int64, 2, 0))


def identity(size: int, like: T) -> T:
    """Return the unit matrix in the dtype of another tensor, and on its device."""
    row = row_numbers(size, like)
    return (row == row.mT).cast(like.dtype)


def _eliminate(matrix: T, size: int, *, above: bool) -> tuple[T, T]:
    """Return the matrices with zeros below (and above) the diagonal, and the swaps' sign."""
    matrix = matrix.with_node(as_float(matrix.node))
    row = row_numbers(size, matrix)
    sign = identity(1, matrix).expand(*matrix.shape[:-2], 1, 1)
    for k in range(size):
        column = matrix.narrow(-1, k, 1)
        pivot = (row >= k).where(column.detach().abs(), -1.0).argmax(-2, keepdim=True)
        order = (row == k).where(pivot, (row == pivot).where(k, row))
        matrix = matrix.take_along_axis(order.expand(*matrix.shape), -2)
        sign = (pivot == k).where(sign, -sign)
        top = matrix.narrow(-2, k, 1)
        head = top.narrow(-1, k, 1)
        share = matrix.narrow(-1, k, 1) / (head == 0).where(1.0, head)
        is_changed = row != k if above else row > k
        matrix = is_changed.where(matrix - share * top, matrix)
    return matrix, sign.squeeze((-2, -1))

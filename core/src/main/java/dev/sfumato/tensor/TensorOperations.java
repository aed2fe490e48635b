package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.function.BiFunction;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.global.torch;

/**
 * The operations of a {@link Tensor} that make new tensors, owned by the current {@link Scope}.
 * Operands are broadcast against each other. Every operation throws {@link SfumatoException} when
 * shapes or types do not fit.
 */
public abstract sealed class TensorOperations permits Tensor {
  final Operand operand;

  TensorOperations(org.bytedeco.pytorch.Tensor handle) {
    operand = new Operand(handle);
  }

  /** Returns the engine's object; only a call of the engine may ask for it. */
  final org.bytedeco.pytorch.Tensor handle() {
    return operand.hold();
  }

  // ---- arithmetic, element by element

  /** {@code this + other}. */
  public Tensor add(Tensor other) {
    return Tensor.make(() -> handle().add(other.handle()));
  }

  /** {@code this + value}. */
  public Tensor add(double value) {
    return withScalar(value, org.bytedeco.pytorch.Tensor::add);
  }

  /** {@code this - other}. */
  public Tensor sub(Tensor other) {
    return Tensor.make(() -> handle().sub(other.handle()));
  }

  /** {@code this - value}. */
  public Tensor sub(double value) {
    return withScalar(value, org.bytedeco.pytorch.Tensor::sub);
  }

  /** {@code this * other}. */
  public Tensor mul(Tensor other) {
    return Tensor.make(() -> handle().mul(other.handle()));
  }

  /** {@code this * value}. */
  public Tensor mul(double value) {
    return withScalar(value, org.bytedeco.pytorch.Tensor::mul);
  }

  /** {@code this / other}. */
  public Tensor div(Tensor other) {
    return Tensor.make(() -> handle().div(other.handle()));
  }

  /** {@code this / value}. */
  public Tensor div(double value) {
    return withScalar(value, org.bytedeco.pytorch.Tensor::div);
  }

  /** {@code this} to the power of {@code exponent}. */
  public Tensor pow(double exponent) {
    return withScalar(exponent, org.bytedeco.pytorch.Tensor::pow);
  }

  /** {@code -this}. */
  public Tensor neg() {
    return Tensor.make(() -> handle().neg());
  }

  /** The square of each element. */
  public Tensor square() {
    return Tensor.make(() -> handle().square());
  }

  /** The square root of each element. */
  public Tensor sqrt() {
    return Tensor.make(() -> handle().sqrt());
  }

  /** The absolute value of each element. */
  public Tensor abs() {
    return Tensor.make(() -> handle().abs());
  }

  /** The exponential of each element. */
  public Tensor exp() {
    return Tensor.make(() -> handle().exp());
  }

  /** The natural logarithm of each element. */
  public Tensor log() {
    return Tensor.make(() -> handle().log());
  }

  /** The hyperbolic tangent of each element. */
  public Tensor tanh() {
    return Tensor.make(() -> handle().tanh());
  }

  /** The sine of each element. */
  public Tensor sin() {
    return Tensor.make(() -> handle().sin());
  }

  /** The cosine of each element. */
  public Tensor cos() {
    return Tensor.make(() -> handle().cos());
  }

  /** The arcsine of each element, in radians. */
  public Tensor arcsin() {
    return Tensor.make(() -> handle().arcsin());
  }

  /** Each element limited to {@code [min, max]}. */
  public Tensor clamp(double min, double max) {
    return Tensor.make(
        () -> {
          try (Scalar low = new Scalar(min);
              Scalar high = new Scalar(max);
              ScalarOptional lowest = new ScalarOptional(low);
              ScalarOptional highest = new ScalarOptional(high)) {
            return torch.clamp(handle(), lowest, highest);
          }
        });
  }

  /** The larger of two elements. */
  public Tensor maximum(Tensor other) {
    return Tensor.make(() -> handle().maximum(other.handle()));
  }

  /** The smaller of two elements. */
  public Tensor minimum(Tensor other) {
    return Tensor.make(() -> handle().minimum(other.handle()));
  }

  /** {@code this} where {@code mask} (bool) is true, else {@code other}. */
  public Tensor where(Tensor mask, Tensor other) {
    return Tensor.make(() -> torch.where(mask.handle(), handle(), other.handle()));
  }

  /** {@code value} where {@code mask} (bool) is true, else {@code this}. */
  public Tensor filled(Tensor mask, double value) {
    return withScalar(value, (self, filling) -> self.masked_fill(mask.handle(), filling));
  }

  /** A bool tensor, true where an element is NaN. */
  public Tensor isNaN() {
    return Tensor.make(() -> handle().ne(handle()));
  }

  /** A bool tensor, true where an element is less than {@code value}. */
  public Tensor lessThan(double value) {
    return withScalar(value, org.bytedeco.pytorch.Tensor::lt);
  }

  /** A bool tensor, true where an element equals that of {@code other}. */
  public Tensor equalTo(Tensor other) {
    return Tensor.make(() -> handle().eq(other.handle()));
  }

  private Tensor withScalar(
      double value,
      BiFunction<org.bytedeco.pytorch.Tensor, Scalar, org.bytedeco.pytorch.Tensor> operation) {
    return Tensor.make(
        () -> {
          try (Scalar s = new Scalar(value)) {
            return operation.apply(handle(), s);
          }
        });
  }

  // ---- reductions

  /** The mean of all elements, shape (). */
  public Tensor mean() {
    return Tensor.make(() -> handle().mean());
  }

  /** The mean over {@code dims}, which keep size 1 if {@code keepDim}. */
  public Tensor mean(boolean keepDim, long... dims) {
    return Tensor.make(() -> handle().mean(dims, keepDim, Options.NO_TYPE));
  }

  /** The sum of all elements, shape (). */
  public Tensor sum() {
    return Tensor.make(() -> handle().sum());
  }

  /** The smallest element, shape (). */
  public Tensor min() {
    return Tensor.make(() -> handle().amin());
  }

  /** The largest element, shape (). */
  public Tensor max() {
    return Tensor.make(() -> handle().amax());
  }

  /** The Euclidean norm of all elements, shape (). */
  public Tensor norm() {
    return Tensor.make(() -> handle().norm());
  }

  /** The Euclidean norm along {@code dim}, which is removed. */
  public Tensor norm(long dim) {
    return Tensor.make(() -> handle().norm(Options.NO_SCALAR, dim));
  }

  /** The standard deviation over {@code dims}, with n - 1; they keep size 1 if {@code keepDim}. */
  public Tensor std(boolean keepDim, long... dims) {
    return Tensor.make(() -> handle().std(dims, true, keepDim));
  }

  /** {@code log(sum(exp(this)))} of all elements, shape (). */
  public Tensor logSumExp() {
    return Tensor.make(
        () -> {
          try (org.bytedeco.pytorch.Tensor flat = handle().flatten()) {
            return flat.logsumexp(0);
          }
        });
  }

  /** The index (int64) of the largest element along {@code dim}. */
  public Tensor argmax(long dim) {
    return Tensor.make(
        () -> {
          try (LongOptional d = new LongOptional(dim)) {
            return torch.argmax(handle(), d, false);
          }
        });
  }

  /** The {@code q}-quantile (0 to 1, linear between neighbours) along {@code dim}. */
  public Tensor quantile(double q, long dim) {
    return Tensor.make(
        () -> {
          try (LongOptional d = new LongOptional(dim)) {
            return torch.quantile(handle(), q, d, false, "linear");
          }
        });
  }

  /** The number of elements in each of {@code bins} equal parts of [min, max], shape (bins). */
  public Tensor countIn(int bins, double min, double max) {
    return Tensor.make(
        () -> {
          try (Scalar low = new Scalar(min);
              Scalar high = new Scalar(max)) {
            return torch.histc(handle(), bins, low, high);
          }
        });
  }

  /** Returns true if no element is infinite or not a number; reads each element once. */
  public boolean isFinite() {
    if (Engine.call(() -> handle().numel()) == 0) {
      return true;
    }
    try (Scope scope = Scope.open()) {
      Tensor plain = Tensor.make(() -> handle().detach());
      return Engine.call(
          () -> {
            try (T_TensorTensor_T ends = torch.aminmax(Moves.reading(plain.handle()));
                org.bytedeco.pytorch.Tensor least = ends.get0();
                org.bytedeco.pytorch.Tensor largest = ends.get1()) {
              return Double.isFinite(least.item_double()) && Double.isFinite(largest.item_double());
            }
          });
    }
  }

  // ---- shape

  /** The same elements in another shape; one size may be -1. */
  public Tensor reshape(long... shape) {
    return Tensor.make(() -> handle().reshape(shape));
  }

  /** Exchanges dimensions {@code a} and {@code b} without copying. */
  public Tensor transpose(long a, long b) {
    return Tensor.make(() -> handle().transpose(a, b));
  }

  /** Puts all dimensions in a new order without copying. */
  public Tensor permute(long... order) {
    return Tensor.make(() -> handle().permute(order));
  }

  /** Reverses the entries along {@code dims}. */
  public Tensor flip(long... dims) {
    return Tensor.make(() -> handle().flip(dims));
  }

  /** Inserts a new dimension of size 1 at {@code dim}. */
  public Tensor unsqueeze(long dim) {
    return Tensor.make(() -> handle().unsqueeze(dim));
  }

  /**
   * A view with dimensions of size 1 repeated to {@code shape}; -1 leaves a dimension unchanged.
   */
  public Tensor expand(long... shape) {
    return Tensor.make(() -> handle().expand(shape));
  }

  /** A view of {@code length} entries of dimension {@code dim} starting at {@code start}. */
  public Tensor narrow(long dim, long start, long length) {
    return Tensor.make(() -> handle().narrow(dim, start, length));
  }

  /** Entry {@code index} of dimension {@code dim}, which is removed; a view. */
  public Tensor select(long dim, long index) {
    return Tensor.make(() -> handle().select(dim, index));
  }

  /** The entries of dimension {@code dim} that {@code indices} (int64, 1-D) names. */
  public Tensor indexSelect(long dim, Tensor indices) {
    return Tensor.make(() -> torch.index_select(handle(), dim, indices.handle()));
  }

  /** The same elements in row-major order in memory; this tensor if they already are. */
  public Tensor contiguous() {
    return Tensor.make(() -> handle().contiguous());
  }

  /** A copy with its own memory. */
  public Tensor copy() {
    return Tensor.make(() -> handle().clone());
  }
}

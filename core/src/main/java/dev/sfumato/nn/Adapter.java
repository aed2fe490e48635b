package dev.sfumato.nn;

import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.function.BinaryOperator;

/**
 * A low-rank change of a weight (LoRA; Hu et al., 2021) that stays beside it: the layer computes
 * with {@code W + scale rate up down}. {@link AdaptedWeight.Part#adapt} makes it; {@link #train}
 * lets it learn; {@link #close} removes it, and the weight is what it was.
 */
public final class Adapter implements AutoCloseable {
  private AdaptedWeight.Part part;
  private final Tensor up;
  private final Tensor down;
  private final double rate;
  private volatile double scale;
  private double dropout;

  Adapter(AdaptedWeight.Part part, Tensor up, Tensor down, double rate, double scale) {
    this.part = part;
    this.up = up;
    this.down = down;
    this.rate = rate;
    this.scale = scale;
  }

  /** Sets the factor of the change from now on; with 0 the weight is itself, bit for bit. */
  public void scale(double scale) {
    this.scale = scale;
  }

  /**
   * Lets both matrices learn. The layer then computes with its weight and adds {@code scale rate up
   * (down x)}, which costs less in the backward pass than the sum of the weights. Matrices in half
   * precision become float32.
   *
   * @param dropout the share of the change's inputs that are zeroed in training, in [0, 1)
   */
  public void train(double dropout) {
    this.dropout = dropout;
    try (Scope scope = Scope.open()) {
      for (Tensor matrix : List.of(up, down)) {
        if (matrix.dtype().isHalf()) {
          matrix.share_(matrix.detach().to(DType.FLOAT32));
        }
        matrix.requiresGrad(true);
      }
    }
  }

  /** Returns {@code up} (out, r). */
  public Tensor up() {
    return up;
  }

  /** Returns {@code down} (r, in). */
  public Tensor down() {
    return down;
  }

  /** Returns r, the number of rows of {@code down}. */
  public long rank() {
    return down.size(0);
  }

  /** Returns the factor that belongs to the matrices. */
  public double rate() {
    return rate;
  }

  /** Returns the Euclidean norm of {@code rate up down}. */
  public double changeNorm() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      return Functional.matmul(up.to(DType.FLOAT32), down.to(DType.FLOAT32)).norm().item() * rate;
    }
  }

  /** Returns whether the layer adds this change to its outputs and not to its weight. */
  boolean isBeside() {
    return up.requiresGrad() && !part.transposed();
  }

  /**
   * Returns the change of a layer's outputs, or nothing at scale 0.
   *
   * @param x the layer's inputs
   * @param layer switches dropout
   * @param down maps inputs with a matrix like the layer's weight
   * @param up maps the results with one more matrix
   */
  Optional<Tensor> change(
      Tensor x, Module layer, BinaryOperator<Tensor> down, BinaryOperator<Tensor> up) {
    double factor = scale * rate;
    if (factor == 0) {
      return Optional.empty();
    }
    Tensor narrow = down.apply(layer.dropout(x, dropout), this.down); // scaled while it is small
    return Optional.of(up.apply(factor == 1 ? narrow : narrow.mul(factor), this.up));
  }

  /** Returns a matrix's place among those that are stacked in the weight. */
  AdaptedWeight.Part part() {
    return part;
  }

  /** Returns {@code weight} with this change, or itself at scale 0. */
  Tensor appliedTo(Tensor weight) {
    double factor = scale * rate;
    if (factor == 0) {
      return weight;
    }
    try (Autocast exact = Autocast.off()) { // the layer rounds the sum, not its terms
      return Scope.run(
          () -> {
            Tensor u = up.to(DType.FLOAT32);
            Tensor d = down.to(DType.FLOAT32);
            Tensor matrix = weight.to(DType.FLOAT32).reshape(weight.size(0), -1);
            Tensor sum =
                part.transposed()
                    ? Functional.addmm(matrix, d.transpose(0, 1), u.transpose(0, 1), factor)
                    : Functional.addmm(matrix, allRows(u), d, factor);
            return sum.reshape(weight.shape());
          });
    }
  }

  /** Returns {@code up} with rows of zeros for the matrices that are stacked around its own. */
  private Tensor allRows(Tensor up) {
    long rows = up.size(0);
    Tensor above = Tensor.zeros(up.device(), part.index() * rows, up.size(1));
    Tensor below = Tensor.zeros(up.device(), (part.count() - 1 - part.index()) * rows, up.size(1));
    return part.count() == 1 ? up : Tensor.cat(List.of(above, up, below), 0);
  }

  /** Adds the change to the weight for good and frees its matrices. */
  public void merge() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      part.weight().widen();
      Tensor parameter = part.weight().parameter();
      parameter.copy_(appliedTo(parameter));
    }
    close();
  }

  /** Makes this a change of another weight of the same shape. */
  void moveTo(AdaptedWeight weight) {
    part = new AdaptedWeight.Part(weight, part.index(), part.count(), part.transposed());
  }

  void to(Device device) {
    for (Tensor matrix : List.of(up, down)) {
      matrix.share_(matrix.detach().to(device));
    }
  }

  /** Removes the change and frees its matrices. */
  @Override
  public void close() {
    part.weight().remove(this);
    up.close();
    down.close();
  }
}

package dev.sfumato.nn;

import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * A low-rank change of a weight (LoRA; Hu et al., 2021) that stays beside it: the layer computes
 * with {@code W + scale rate up down}. Gradients reach both matrices. {@link
 * AdaptedWeight.Part#adapt} makes it; {@link #close} removes it, and the weight is what it was.
 */
public final class Adapter implements AutoCloseable {
  private AdaptedWeight.Part part;
  private final Tensor up;
  private final Tensor down;
  private final double rate;
  private volatile double scale;

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
            Tensor matrix = weight.reshape(weight.size(0), -1);
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
    Tensor below = Tensor.zeros((part.count() - 1 - part.index()) * rows, up.size(1));
    return part.count() == 1 ? up : Tensor.cat(List.of(above, up, below.to(up.device())), 0);
  }

  /** Adds the change to the weight for good and frees its matrices. */
  public void merge() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
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

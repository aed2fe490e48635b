package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;

/**
 * {@code x weight^T + bias} in single precision on the CPU by oneDNN, which shares the work among
 * all threads; the engine's own products run on one. It joins the engine's graph through hooks, so
 * it only pays for products above a size.
 *
 * @param weight the weight if it learns
 * @param bias the bias, if there is one
 */
record LinearKernel(Optional<Tensor> weight, Optional<Tensor> bias) implements WeightedLayer {

  /** Engines for some processors are built without oneDNN. */
  private static final Optional<Operator> PRODUCT =
      Engine.call(torch::hasMKLDNN)
          ? Optional.of(Operator.of("mkldnn::_linear_pointwise", ""))
          : Optional.empty();

  /** The number of multiplications above which the hooks cost less than they save. */
  private static final long LARGE = 1 << 23;

  /** The number of weights that are converted together: some less than what malloc maps. */
  private static final long PART = 7_400_000;

  /**
   * Returns true if {@link #linear} is faster than the engine's own product, or if the latter would
   * keep a converted copy of a weight in half precision for the gradients.
   */
  static boolean pays(Tensor x, Tensor weight, Tensor bias) {
    boolean large = x.numel() * weight.size(0) >= LARGE;
    boolean keepsCopy = weight.dtype().isHalf() && Autograd.recording() && x.requiresGrad();
    return (large || keepsCopy) && takes(x, weight, bias);
  }

  /** Returns true if {@link #linear} can compute with these. */
  static boolean takes(Tensor x, Tensor weight, Tensor bias) {
    return PRODUCT.isPresent()
        && x.device().isCpu()
        && x.dtype() == DType.FLOAT32
        && (weight.dtype() == DType.FLOAT32 || weight.dtype().isHalf())
        && !Autocast.enabled()
        && isLeafOrFrozen(weight)
        && (bias == null || isLeafOrFrozen(bias));
  }

  private static boolean isLeafOrFrozen(Tensor parameter) {
    return !parameter.requiresGrad() || Engine.call(() -> parameter.handle().is_leaf());
  }

  /** Returns {@code x weight^T + bias}; bias may be null. */
  static Tensor linear(Tensor x, Tensor weight, Tensor bias) {
    return new LinearKernel(WeightedLayer.learning(weight), Optional.ofNullable(bias))
        .of(x, weight);
  }

  /** Returns {@code x weight^T + bias}, not recorded; the weight is in float32. */
  static Tensor product(Tensor x, Tensor weight, Tensor bias) {
    return PRODUCT.orElseThrow().call(x, weight, bias, "none", List.of(), "").get(0);
  }

  /**
   * Returns {@code x weight^T + bias}, or {@code x weight}. A weight in half precision is converted
   * in parts, so that the memory of one part serves the next.
   */
  private static Tensor product(Tensor x, Tensor weight, boolean turned, Tensor bias) {
    int dim = turned ? 1 : 0;
    long size = weight.size(dim);
    long length = partOf(weight, dim);
    return Scope.run(
        () -> {
          List<Tensor> parts = new ArrayList<>();
          for (long from = 0; from < size; from += length) {
            long count = Math.min(length, size - from);
            try (Scope inner = Scope.open()) {
              Tensor part = weight.narrow(dim, from, count).to(DType.FLOAT32);
              Tensor b = bias == null ? null : bias.narrow(0, from, count);
              parts.add(inner.keep(product(x, turned ? part.transpose(0, 1) : part, b)));
            }
          }
          return joined(parts, -1);
        });
  }

  /** Returns {@code x weight}, (..., out) and (out, in) to (..., in), not recorded. */
  static Tensor rows(Tensor x, Tensor weight) {
    return product(x, weight, true, null);
  }

  /**
   * Returns {@code weight x} of each picture, (out, in) and (B, in, n) to (B, out, n), not
   * recorded. A weight in half precision is converted in parts.
   */
  static Tensor columns(Tensor weight, Tensor x) {
    long out = weight.size(0);
    long length = partOf(weight, 0);
    return Scope.run(
        () -> {
          List<Tensor> parts = new ArrayList<>();
          for (long from = 0; from < out; from += length) {
            try (Scope inner = Scope.open()) {
              Tensor part = weight.narrow(0, from, Math.min(length, out - from)).to(DType.FLOAT32);
              List<Tensor> pictures = new ArrayList<>();
              for (long i = 0; i < x.size(0); i++) {
                Tensor seen = x.select(0, i).transpose(0, 1);
                pictures.add(product(part, seen, null).unsqueeze(0));
              }
              parts.add(inner.keep(joined(pictures, 0)));
            }
          }
          return joined(parts, 1);
        });
  }

  private static Tensor joined(List<Tensor> parts, int dim) {
    return parts.size() == 1 ? parts.get(0) : Tensor.cat(parts, dim);
  }

  /** Returns how much of a dimension of a weight is converted together: all in float32. */
  private static long partOf(Tensor weight, int dim) {
    long size = weight.size(dim);
    return weight.dtype().isHalf() ? Math.max(64, PART * size / weight.numel() / 64 * 64) : size;
  }

  @Override
  public Tensor compute(List<Tensor> inputs) {
    try (Autograd.Recording off = Autograd.off()) {
      // A view that was made unrecorded could not be added to in place.
      return product(inputs.get(0), weight(inputs), false, bias.orElse(null)).detach();
    }
  }

  @Override
  public Tensor ofInput(Tensor x, Tensor weight, Tensor gradient) {
    return product(flat(gradient), weight, true, null).reshape(x.shape());
  }

  /** Returns {@code gradient^T x}; the product turns what stands on the left, on one thread. */
  @Override
  public Tensor ofWeight(Tensor x, Tensor weight, Tensor gradient) {
    Tensor seen = x.reshape(-1, x.size(x.dim() - 1));
    Tensor rows = flat(gradient);
    long in = seen.size(1);
    long out = rows.size(1);
    return in * (seen.size(0) + out) < out * seen.size(0)
        ? product(seen.transpose(0, 1), rows.transpose(0, 1), null).transpose(0, 1).contiguous()
        : product(rows.transpose(0, 1), seen.transpose(0, 1), null);
  }

  @Override
  public Tensor ofBias(Tensor gradient) {
    Tensor rows = flat(gradient);
    return Tensor.make(() -> rows.handle().sum(0));
  }

  private static Tensor flat(Tensor gradient) {
    return gradient.reshape(-1, gradient.size(gradient.dim() - 1));
  }
}

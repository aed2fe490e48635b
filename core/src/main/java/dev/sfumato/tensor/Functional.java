package dev.sfumato.tensor;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.InterpolateFuncOptions;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.kBilinear;

/** Stateless operations of neural networks. Pictures and features are (B, C, H, W). */
public final class Functional {
  private static final long[] ONES = {1, 1};
  private static final long[] ZEROS = {0, 0};
  private static final DoubleOptional NO_SCALE = Engine.call(DoubleOptional::new);
  private static final LongOptional NO_DIVISOR = Engine.call(LongOptional::new);

  private Functional() {}

  /**
   * 2-D convolution (cross-correlation).
   *
   * @param x (B, Cin, H, W)
   * @param weight (Cout, Cin / groups, Kh, Kw); in half precision it is converted to float32 each
   *     time, and does not learn
   * @param bias (Cout), or null for none
   * @return (B, Cout, (H + 2 padding - Kh) / stride + 1, likewise)
   */
  public static Tensor conv2d(
      Tensor x, Tensor weight, Tensor bias, long stride, long padding, long groups) {
    if (WinogradConv.pays(x, weight, bias, stride, padding, groups)) {
      return WinogradConv.conv2d(x, weight, bias);
    }
    if (ProductConv.pays(x, weight, bias, stride, padding, groups)) {
      return ProductConv.conv2d(x, weight, bias, stride, padding);
    }
    if (StripedConv.pays(x, weight, bias, stride, padding)) {
      return StripedConv.conv2d(x, weight, bias, padding, groups);
    }
    long[] paddings = {padding, padding};
    if (!isWidened(weight)) {
      return conv2d(x, weight, bias, stride, paddings, groups);
    }
    return Autograd.recording() && x.requiresGrad()
        ? RecomputedConv.ofStored(x, weight, bias, stride, padding, groups)
        : Scope.run(() -> conv2d(x, weight.to(DType.FLOAT32), bias, stride, paddings, groups));
  }

  /**
   * {@link #conv2d} with stride 1 and padding 1 of x whose pixels are repeated to 2 x 2.
   *
   * @param weight (Cout, Cin, 3, 3), as in {@link #conv2d}
   * @return (B, Cout, 2 H, 2 W)
   */
  public static Tensor conv2dOfDoubled(Tensor x, Tensor weight, Tensor bias) {
    return DoublingConv.pays(x, weight, bias)
        ? DoublingConv.conv2d(x, weight, bias)
        : Scope.run(
            () -> conv2d(upsampleNearest(x, 2 * x.size(2), 2 * x.size(3)), weight, bias, 1, 1, 1));
  }

  /** Returns true if a weight is stored in half precision to compute in float32. */
  private static boolean isWidened(Tensor weight) {
    return weight.dtype().isHalf() && !Autocast.enabled();
  }

  /** A convolution with other padding above and below than on the sides. */
  static Tensor conv2d(
      Tensor x, Tensor weight, Tensor bias, long stride, long[] paddings, long groups) {
    long[] strides = {stride, stride};
    return withOptional(
        bias, b -> torch.conv2d(x.handle(), weight.handle(), b, strides, paddings, ONES, groups));
  }

  /**
   * {@link #conv2d} of {@code before(x)}. For a large x on the CPU, the result of {@code before} is
   * computed again for the gradients instead of kept, so it should be cheap and the same each time;
   * so should {@code weight}.
   */
  public static Tensor conv2dOf(
      UnaryOperator<Tensor> before,
      Tensor x,
      Supplier<Tensor> weight,
      Tensor bias,
      long stride,
      long padding,
      long groups) {
    RecomputedConv conv =
        new RecomputedConv(before, weight, Optional.ofNullable(bias), stride, padding, groups);
    return RecomputedConv.pays(x) && (x.requiresGrad() || weight.get().requiresGrad())
        ? conv.recomputed(x)
        : conv.compute(List.of(x));
  }

  /** {@code x weight^T + bias}: (..., in) and (out, in) give (..., out); bias may be null. */
  public static Tensor linear(Tensor x, Tensor weight, Tensor bias) {
    if (LinearKernel.pays(x, weight, bias)) {
      return LinearKernel.linear(x, weight, bias);
    }
    return Scope.run(
        () -> {
          Tensor w = isWidened(weight) ? weight.to(DType.FLOAT32) : weight;
          return withOptional(bias, b -> torch.linear(x.handle(), w.handle(), b));
        });
  }

  /**
   * Transposed 2-D convolution: the gradient of {@link #conv2d} of the same sizes with respect to
   * x.
   *
   * @param x (B, Cin, H, W)
   * @param weight (Cin, Cout, Kh, Kw)
   * @return (B, Cout, (H - 1) stride - 2 padding + Kh, likewise)
   */
  public static Tensor convTranspose2d(Tensor x, Tensor weight, long stride, long padding) {
    long[] strides = {stride, stride};
    long[] paddings = {padding, padding};
    return Tensor.make(
        () ->
            torch.conv_transpose2d(
                x.handle(), weight.handle(), Options.NO_TENSOR, strides, paddings, ZEROS, 1, ONES));
  }

  /**
   * Group normalisation (Wu and He, 2018): scales each group of channels to mean 0 and variance 1,
   * then applies {@code weight} and {@code bias} (C) per channel, which may be null.
   */
  public static Tensor groupNorm(
      Tensor x, long groups, Tensor weight, Tensor bias, double epsilon) {
    if (Autocast.widensNorms(x)) {
      return Autocast.inTypeOf(x, weight, bias, (w, b) -> groupNorm(x, groups, w, b, epsilon));
    }
    return withOptional(
        bias,
        b -> {
          if (weight == null) {
            return torch.group_norm(x.handle(), groups, b, b, epsilon, true);
          }
          try (TensorOptional w = new TensorOptional(weight.handle())) {
            return torch.group_norm(x.handle(), groups, w, b, epsilon, true);
          }
        });
  }

  /** Layer normalisation (Ba et al., 2016) over the last dimension, with weight and bias (D). */
  public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon) {
    if (Autocast.widensNorms(x)) {
      return Autocast.inTypeOf(x, weight, bias, (w, b) -> layerNorm(x, w, b, epsilon));
    }
    return withOptional(
        bias,
        b -> {
          try (TensorOptional w = new TensorOptional(weight.handle())) {
            return torch.layer_norm(x.handle(), weight.shape(), w, b, epsilon, true);
          }
        });
  }

  /** Batch normalisation with given mean and variance, weight and bias, each (C). */
  public static Tensor batchNorm(
      Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor variance, double epsilon) {
    return withOptional(
        bias,
        b -> {
          try (TensorOptional w = new TensorOptional(weight.handle());
              TensorOptional m = new TensorOptional(mean.handle());
              TensorOptional v = new TensorOptional(variance.handle())) {
            return torch.batch_norm(x.handle(), w, b, m, v, false, 0, epsilon, true);
          }
        });
  }

  /** Each row of x (B, D) divided by its Euclidean norm. */
  public static Tensor normalize(Tensor x) {
    return Tensor.make(() -> torch.normalize(x.handle()));
  }

  /** Looks up the rows of {@code weight} (N, D) at {@code indices} (...) int64: (..., D). */
  public static Tensor embedding(Tensor weight, Tensor indices) {
    return Tensor.make(() -> torch.embedding(weight.handle(), indices.handle()));
  }

  /** {@code 1 / (1 + exp(-x))}. */
  public static Tensor sigmoid(Tensor x) {
    return Tensor.make(() -> torch.sigmoid(x.handle()));
  }

  /** {@code x sigmoid(x)}. */
  public static Tensor silu(Tensor x) {
    return Tensor.make(() -> torch.silu(x.handle()));
  }

  /** {@code x Phi(x)}, exact. */
  public static Tensor gelu(Tensor x) {
    return Tensor.make(() -> torch.gelu(x.handle()));
  }

  /** {@code a gelu(b)} of (..., 2 C), which holds a, then b (GEGLU; Shazeer, 2020). */
  public static Tensor geglu(Tensor x) {
    return Geglu.of(x);
  }

  /** {@code x Phi(x)}, with Phi approximated by a hyperbolic tangent. */
  public static Tensor geluTanh(Tensor x) {
    return Tensor.make(() -> torch.gelu(x.handle(), "tanh"));
  }

  /** {@code x sigmoid(1.702 x)}, which OpenAI's CLIP uses instead of {@link #gelu}. */
  public static Tensor quickGelu(Tensor x) {
    return Scope.run(() -> silu(x.mul(1.702)).mul_(1 / 1.702));
  }

  /** {@code x tanh(softplus(x))}. */
  public static Tensor mish(Tensor x) {
    return Tensor.make(() -> torch.mish(x.handle()));
  }

  /** {@code max(x, 0)}. */
  public static Tensor relu(Tensor x) {
    return Tensor.make(() -> torch.relu(x.handle()));
  }

  /** Softmax along {@code dim}. */
  public static Tensor softmax(Tensor x, long dim) {
    return Tensor.make(() -> torch.softmax(x.handle(), dim));
  }

  /** {@code log(softmax(x))} along {@code dim}. */
  public static Tensor logSoftmax(Tensor x, long dim) {
    return Tensor.make(() -> torch.log_softmax(x.handle(), dim));
  }

  /** Matrix product over the last two dimensions. */
  public static Tensor matmul(Tensor a, Tensor b) {
    return Tensor.make(() -> torch.matmul(a.handle(), b.handle()));
  }

  /** {@code sum + factor a b}, for matrices (M, N), (M, K) and (K, N). */
  public static Tensor addmm(Tensor sum, Tensor a, Tensor b, double factor) {
    return Tensor.make(
        () -> {
          try (Scalar one = new Scalar(1.0);
              Scalar alpha = new Scalar(factor)) {
            return torch.addmm(sum.handle(), a.handle(), b.handle(), one, alpha);
          }
        });
  }

  /** {@code softmax(q k^T / sqrt(D)) v} for q, k, v of (B, heads, N, D). */
  public static Tensor attention(Tensor q, Tensor k, Tensor v) {
    return attention(q, k, v, Options.NO_TENSOR, false);
  }

  /**
   * {@link #attention} with a mask.
   *
   * @param seen bool, broadcast to (B, heads, N, N): true where a row's position sees a column's
   */
  public static Tensor attention(Tensor q, Tensor k, Tensor v, Tensor seen) {
    return Engine.call(
        () -> {
          try (TensorOptional mask = new TensorOptional(seen.handle())) {
            return attention(q, k, v, mask, false);
          }
        });
  }

  /** {@link #attention} in which position n sees positions 0 to n only. */
  public static Tensor causalAttention(Tensor q, Tensor k, Tensor v) {
    return attention(q, k, v, Options.NO_TENSOR, true);
  }

  /**
   * On the CPU, attention is always computed in single precision: the engine's product in half
   * precision is a plain loop there, which takes several times as long as all the rest of a step.
   */
  private static Tensor attention(
      Tensor q, Tensor k, Tensor v, TensorOptional mask, boolean causal) {
    if (!q.device().isCpu() || !Autocast.enabled()) {
      return attended(q, k, v, mask, causal);
    }
    DType type = Autocast.current().type();
    return Scope.run(
        () -> {
          try (Autocast exact = Autocast.off()) {
            return attended(
                    q.to(DType.FLOAT32), k.to(DType.FLOAT32), v.to(DType.FLOAT32), mask, causal)
                .to(type);
          }
        });
  }

  private static Tensor attended(
      Tensor q, Tensor k, Tensor v, TensorOptional mask, boolean causal) {
    return Tensor.make(
        () ->
            torch.scaled_dot_product_attention(
                q.handle(), k.handle(), v.handle(), mask, 0, causal, NO_SCALE, false));
  }

  /** Nearest-neighbour enlargement to {@code height} x {@code width}. */
  public static Tensor upsampleNearest(Tensor x, long height, long width) {
    if (Autocast.widensNorms(x)) {
      return Autocast.inTypeOf(x, null, null, (w, b) -> upsampleNearest(x, height, width));
    }
    return Tensor.make(
        () -> torch.upsample_nearest2d(x.handle(), new long[] {height, width}, NO_SCALE, NO_SCALE));
  }

  /**
   * Resizes pictures to {@code height} x {@code width} with a triangle filter that widens as they
   * shrink: bilinear with antialiasing, as torchvision resizes tensors.
   */
  public static Tensor resize(Tensor x, long height, long width) {
    return Tensor.make(
        () -> {
          try (InterpolateFuncOptions options = new InterpolateFuncOptions();
              LongVector size = new LongVector(height, width);
              kBilinear bilinear = new kBilinear()) {
            options.size().put(size);
            options.mode().put(bilinear);
            options.align_corners().put(false);
            options.antialias().put(true);
            return torch.interpolate(x.handle(), options);
          }
        });
  }

  /**
   * Reads the pixel nearest to each position in {@code grid}, or 0 beyond the border.
   *
   * @param x (B, C, H, W)
   * @param grid (B, H', W', 2), x before y; -1 and 1 are the outer edges of the outermost pixels
   * @return (B, C, H', W')
   */
  public static Tensor sampleNearest(Tensor x, Tensor grid) {
    return Tensor.make(() -> torch.grid_sampler_2d(x.handle(), grid.handle(), 1, 0, false));
  }

  /** Averages {@code kernel} x {@code kernel} windows, {@code kernel} apart. */
  public static Tensor avgPool2d(Tensor x, long kernel) {
    long[] sides = {kernel, kernel};
    return Tensor.make(
        () ->
            torch.avg_pool2d(x.handle(), sides, sides, new long[] {0, 0}, false, true, NO_DIVISOR));
  }

  /**
   * Averages overlapping windows so that {@code height} x {@code width} of them cover x (B, C, H,
   * W), as {@code adaptive_avg_pool2d} does.
   */
  public static Tensor averageTo(Tensor x, long height, long width) {
    return Tensor.make(() -> torch.adaptive_avg_pool2d(x.handle(), height, width));
  }

  /** Takes the maximum of each {@code kernel} x {@code kernel} window, {@code kernel} apart. */
  public static Tensor maxPool2d(Tensor x, long kernel) {
    long[] sides = {kernel, kernel};
    return Tensor.make(() -> torch.max_pool2d(x.handle(), sides, sides, ZEROS, ONES, false));
  }

  /** Pads the last dimensions with zeros: {left, right, top, bottom, ...}; negative sizes cut. */
  public static Tensor pad(Tensor x, long... sizes) {
    return Tensor.make(() -> torch.constant_pad_nd(x.handle(), sizes));
  }

  /**
   * Pads pictures with {@code size} mirrored rows and columns at each border; the border itself is
   * not repeated.
   */
  public static Tensor padReflect(Tensor x, long size) {
    return Tensor.make(
        () -> torch.reflection_pad2d(x.handle(), new long[] {size, size, size, size}));
  }

  /** The mean of {@code (a - b)^2}, shape (). */
  public static Tensor meanSquaredError(Tensor a, Tensor b) {
    return Tensor.make(() -> torch.mse_loss(a.handle(), b.handle()));
  }

  /** Mean of {@code -log softmax(logits)[label]} over logits (B, N) and labels (B) int64. */
  public static Tensor crossEntropy(Tensor logits, Tensor labels) {
    return Tensor.make(() -> torch.cross_entropy_loss(logits.handle(), labels.handle()));
  }

  private static Tensor withOptional(
      Tensor value, Function<TensorOptional, org.bytedeco.pytorch.Tensor> operation) {
    return Tensor.make(
        () -> {
          if (value == null) {
            return operation.apply(Options.NO_TENSOR);
          }
          try (TensorOptional optional = new TensorOptional(value.handle())) {
            return operation.apply(optional);
          }
        });
  }
}

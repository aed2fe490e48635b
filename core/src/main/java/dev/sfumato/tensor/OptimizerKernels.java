package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.List;

/**
 * Updates of whole lists of tensors in one engine call each, for optimisers, gradient clipping and
 * weight averages. Nothing here is recorded for gradients.
 *
 * <p>The engine's fused kernels pass over each weight once, where the same update in single
 * operations takes a dozen passes.
 */
public final class OptimizerKernels {
  private static final Operator ADAM = Operator.of("aten::_fused_adam_", "");
  private static final Operator ADAMW = Operator.of("aten::_fused_adamw_", "");
  private static final Operator ADD = Operator.of("aten::_foreach_add_", "Tensor");
  private static final Operator MULTIPLY = Operator.of("aten::_foreach_mul_", "Tensor");
  private static final Operator SCALE = Operator.of("aten::_foreach_mul_", "Scalar");
  private static final Operator NORM = Operator.of("aten::_foreach_norm", "Scalar");
  private static final Operator LERP = Operator.of("aten::_foreach_lerp_", "Scalar");

  private OptimizerKernels() {}

  /**
   * One step of Adam (Kingma and Ba, 2015) or AdamW (Loshchilov and Hutter, 2019), in place.
   *
   * <p>With gradient g and step count t, {@code m = beta1 m + (1 - beta1) g}, {@code v = beta2 v +
   * (1 - beta2) g^2}, {@code p -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)}. Weight
   * decay adds {@code weightDecay p} to g before that (Adam), or takes {@code lr weightDecay p} off
   * p if {@code decoupled} (AdamW).
   *
   * @param parameters p, changed
   * @param gradients g, one for each parameter
   * @param averages m, zeros before the first step, changed
   * @param squares v, zeros before the first step, changed
   * @param steps t - 1, a float32 scalar for each parameter; counted up
   * @param accepted a float32 scalar on the device of the parameters: 1, or 0 to change nothing
   */
  public static void adamStep(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> averages,
      List<Tensor> squares,
      List<Tensor> steps,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean decoupled,
      Tensor accepted) {
    requireLength(parameters, gradients, averages, squares, steps);
    if (parameters.isEmpty()) {
      return;
    }
    try (Scope scope = Scope.open()) {
      ADD.call(steps, accepted, 1.0);
      (decoupled ? ADAMW : ADAM)
          .call(
              rowMajor(parameters),
              // The kernel reads raw memory; gradients of linear layers may come transposed.
              gradients.stream().map(Tensor::contiguous).toList(),
              rowMajor(averages),
              rowMajor(squares),
              List.of(), // max_exp_avg_sqs: for AMSGrad only
              steps,
              learningRate,
              beta1,
              beta2,
              weightDecay,
              epsilon,
              false, // amsgrad
              false, // maximize
              null, // grad_scale
              accepted.neg().add(1)); // found_inf
    }
  }

  private static List<Tensor> rowMajor(List<Tensor> tensors) {
    if (!tensors.stream().allMatch(Tensor::isContiguous)) {
      throw new SfumatoException("weights and averages must be row-major in memory");
    }
    return tensors;
  }

  /**
   * Returns the Euclidean norm of all elements of all {@code tensors} together, float32, shape ().
   */
  public static Tensor norm(List<Tensor> tensors) {
    return Scope.run(() -> together(norms(tensors)));
  }

  /** Returns the Euclidean norm of tensors that have these norms. */
  static Tensor together(List<Tensor> norms) {
    return norms.isEmpty() ? Tensor.zeros() : Tensor.stack(norms, 0).norm();
  }

  static List<Tensor> norms(List<Tensor> tensors) {
    return tensors.isEmpty() ? List.of() : NORM.call(tensors, 2.0, null);
  }

  /**
   * Multiplies all {@code gradients} by {@code min(1, most / (norm + 1e-6))}, as {@code
   * clip_grad_norm_} does, without waiting for a card.
   *
   * @param norm the result of {@link #norm}
   */
  public static void clip_(List<Tensor> gradients, Tensor norm, double most) {
    if (gradients.isEmpty() || norm.device().isCpu() && norm.item() + 1e-6 <= most) {
      return; // a card multiplies by 1
    }
    try (Scope scope = Scope.open()) {
      Tensor exact = norm.to(DType.FLOAT64);
      Tensor factor = exact.mul(0).add(most).div(exact.add(1e-6)).clamp(0, 1);
      MULTIPLY.call(gradients, factor.to(DType.FLOAT32));
    }
  }

  /** Multiplies all {@code tensors} by {@code factor}. */
  public static void multiply_(List<Tensor> tensors, double factor) {
    if (!tensors.isEmpty()) {
      SCALE.call(tensors, factor);
    }
  }

  /** {@code average += weight (current - average)} for each pair of the two lists. */
  public static void lerp_(List<Tensor> averages, List<Tensor> current, double weight) {
    requireLength(averages, current);
    if (!averages.isEmpty()) {
      LERP.call(averages, current, weight);
    }
  }

  @SafeVarargs
  private static void requireLength(List<Tensor> first, List<Tensor>... others) {
    for (List<Tensor> other : others) {
      if (other.size() != first.size()) {
        throw new SfumatoException(
            "lists of "
                + first.size()
                + " and "
                + other.size()
                + " tensors do not belong together");
      }
    }
  }
}

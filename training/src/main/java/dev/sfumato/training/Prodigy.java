package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * Prodigy (Mishchenko and Defazio, 2023): AdamW with an estimate d of how far the weights have to
 * go from their start {@code w0}, which is the scale of its steps. With d<sub>0</sub> = 1e-6 and c
 * as the bias correction of Adam:
 *
 * <pre>{@code
 * r = sqrt(beta2) r + lr c d^2 / d0 <g, w0 - w>      s = sqrt(beta2) s + d^2 / d0 g
 * m = beta1 m + (1 - beta1) d g                      v = beta2 v + (1 - beta2) d^2 g^2
 * next d = max(d, r / |s|_1)
 * w = w - lr c d (m / (sqrt(v) + next d epsilon) + decay w)
 * }</pre>
 *
 * <p>The settings that are not given are those of diffusers' training scripts: with bias
 * correction, and s without the learning rate, which is safe with a warm-up. A step at a rate of 0
 * changes nothing.
 */
final class Prodigy implements Optimizer {
  private static final double START = 1e-6;
  private static final String FIRST_MOMENT = "exp_avg.";
  private static final String SECOND_MOMENT = "exp_avg_sq.";
  private static final String GRADIENTS = "s.";
  private static final String ORIGIN = "p0.";
  private static final String ESTIMATE = "d";
  private static final String NUMERATOR = "d_numerator";
  private static final String STEP = "step";

  private final Optimizer.Settings settings;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> state = new LinkedHashMap<>();
  private final Map<String, Tensor> sums = new LinkedHashMap<>();
  private final Set<String> reached = new LinkedHashSet<>(); // in this step
  private double learningRate;

  Prodigy(Map<String, Tensor> weights, Optimizer.Settings settings) {
    this.weights = weights;
    this.settings = settings;
    try (Construction parts = Construction.begin();
        Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      weights.forEach(
          (name, w) -> {
            for (String kind : new String[] {FIRST_MOMENT, SECOND_MOMENT, GRADIENTS}) {
              add(state, kind + name, Tensor.zeros(w.device(), w.shape()));
            }
            add(state, ORIGIN + name, w.detach().copy());
          });
      Tensor zero = Optimizer.zeroBeside(weights);
      add(state, ESTIMATE, zero.add(START));
      add(state, NUMERATOR, zero);
      add(state, STEP, zero.copy());
      parts.complete();
    }
  }

  private static void add(Map<String, Tensor> to, String name, Tensor tensor) {
    to.put(name, Scope.release(tensor));
  }

  @Override
  public Map<String, Tensor> weights() {
    return weights;
  }

  @Override
  public Map<String, Tensor> state() {
    return state;
  }

  @Override
  public double rate(double asked) {
    return asked * state.get(ESTIMATE).item();
  }

  /** Returns 1 - beta^t, where t counts the step that is being taken. */
  private Tensor correction(double beta) {
    return state.get(STEP).add(1).mul(Math.log(beta)).exp().neg().add(1);
  }

  /** Returns lr c d. */
  private Tensor scale() {
    Optimizer.Betas betas = settings.betas();
    Tensor corrected = correction(betas.second()).sqrt().div(correction(betas.first()));
    return state.get(ESTIMATE).mul(corrected).mul(learningRate);
  }

  @Override
  public void step(Map<String, Tensor> gradients, ToDoubleFunction<String> rates, Tensor accepted) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      if (sums.isEmpty()) {
        add(sums, NUMERATOR, Optimizer.zeroBeside(weights));
        add(sums, GRADIENTS, Optimizer.zeroBeside(weights));
      }
      gradients.forEach(
          (name, gradient) -> {
            learningRate = rates.applyAsDouble(name);
            if (learningRate > 0) {
              try (Scope one = Scope.open()) {
                take(name, Optimizer.finite(gradient, accepted), accepted);
              }
            }
          });
    }
    reached.addAll(gradients.keySet());
    gradients.keySet().forEach(name -> Autograd.forget(weights.get(name)));
  }

  private void take(String name, Tensor gradient, Tensor accepted) {
    Optimizer.Betas betas = settings.betas();
    Tensor d = state.get(ESTIMATE);
    Tensor origin = state.get(ORIGIN + name);
    Tensor way = gradient.mul(origin.sub(weights.get(name).detach())).sum();
    sums.get(NUMERATOR).add_(way.to(DType.FLOAT64).mul(d.div(START)).mul(scale()), 1);
    Tensor moved = gradient.mul(d);
    average(FIRST_MOMENT + name, betas.first(), moved.mul(1 - betas.first()), accepted);
    average(SECOND_MOMENT + name, betas.second(), moved.square().mul(1 - betas.second()), accepted);
    average(GRADIENTS + name, Math.sqrt(betas.second()), moved.mul(d.div(START)), accepted);
    Tensor size = state.get(GRADIENTS + name).abs().sum();
    sums.get(GRADIENTS).add_(size.to(DType.FLOAT64), 1);
  }

  /** Adds to what is left of a decaying sum; nothing decays in a step that is not accepted. */
  private void average(String name, double beta, Tensor added, Tensor accepted) {
    state.get(name).mul_(decay(beta, accepted)).add_(added, 1);
  }

  private static Tensor decay(double beta, Tensor accepted) {
    return accepted.to(DType.FLOAT64).mul(beta - 1).add(1);
  }

  @Override
  public void finish(Tensor accepted) {
    if (learningRate > 0) {
      change(accepted);
    }
    sums.values().forEach(Tensor::close);
    sums.clear();
    reached.clear();
  }

  private void change(Tensor accepted) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor scale = scale().mul(accepted);
      Tensor d = state.get(ESTIMATE);
      Tensor numerator = state.get(NUMERATOR);
      numerator
          .mul_(decay(Math.sqrt(settings.betas().second()), accepted))
          .add_(sums.get(NUMERATOR), 1);
      Tensor size = sums.get(GRADIENTS);
      Tensor found = numerator.div(size).filled(size.equalTo(size.mul(0)), 0);
      d.copy_(d.maximum(found));
      reached.forEach(
          name -> {
            try (Scope one = Scope.open()) {
              Tensor deviation = state.get(SECOND_MOMENT + name).sqrt();
              Tensor change =
                  state.get(FIRST_MOMENT + name).div(deviation.add(d.mul(settings.epsilon())));
              weights
                  .get(name)
                  .detach()
                  .mul_(scale.mul(-settings.weightDecay()).add(1))
                  .add_(change.mul(scale), -1);
            }
          });
      state.get(STEP).add_(accepted, 1);
    }
  }

  @Override
  public void close() {
    Optimizer.super.close();
    sums.values().forEach(Tensor::close);
  }
}

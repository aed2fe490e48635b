package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One step of a steered sampling; tensors that it makes belong to the current scope. */
record Steering(Guidance guidance, ConditionedDenoiser denoiser, Run run, Step step, Rng random) {
  /** The weighted sum of the guides' losses, one element, and each single loss. */
  private record Losses(Tensor sum, Map<String, Tensor> byName) {}

  /** The results for x: the network's output, predictedX0 and the losses' gradient. */
  private record Derivative(Tensor output, Tensor predictedX0, Losses losses, Tensor gradient) {}

  /**
   * Predicts the network's output for {@code noisy} and the picture after the guides' correction.
   */
  Prediction predict(Tensor noisy) {
    Tensor x =
        guidance.inpainting().map(known -> known.before(run, step, noisy, random)).orElse(noisy);
    if (guidance.actingAt(step).isEmpty()) {
      return new Prediction(denoiser.predict(run, step, x), x);
    }
    boolean twice = guidance.rule().asksForConditionAlone() && denoiser.isClassifierFree(step);
    Derivative d;
    try (Autograd.Recording on = Autograd.on()) {
      Tensor leaf = x.detach().requiresGrad(true);
      ConditionedDenoiser seen = twice ? denoiser.withoutClassifierFree() : denoiser;
      d = guidance.mode() == GradientMode.EXACT ? exact(seen, leaf) : shortcut(seen, leaf);
    }
    Tensor output = twice ? denoiser.predict(run, step, x) : d.output.detach();
    Tensor gradient = guidance.clamp().apply(StepNumbers.finite(d.gradient));
    Prediction plain = new Prediction(output, x);
    Prediction guided =
        run.keepsChanges(step) ? guidance.rule().moved(plain, gradient, run, step) : plain;
    List<Tensor> descents = new ArrayList<>();
    MeanGuidance mean = guidance.meanGuidance();
    Prediction shifted =
        mean.steps() == 0
            ? guided
            : mean.kind().shifted(guided, descent(d.predictedX0, x, descents), run, step);
    return shifted.with(
        new StepNumbers(
            step, d.losses.byName, d.gradient, largest(x), largest(guided.x()), descents));
  }

  /** Computes the gradient that starts after the network. */
  private Derivative shortcut(ConditionedDenoiser network, Tensor x) {
    Tensor output;
    try (Autograd.Recording off = Autograd.off()) {
      output = network.predict(run, step, x);
    }
    Tensor predictedX0 = run.predictX0(output, x, step);
    if (!predictedX0.requiresGrad()) {
      throw new SfumatoException(
          "a network that predicts the clean picture itself has no shortcut gradient: use exact");
    }
    Losses losses = losses(predictedX0, x);
    return new Derivative(output, predictedX0, losses, Autograd.gradient(losses.sum, x));
  }

  /**
   * Applies the chain rule: the direct dependence of the loss on x, and that through the network's
   * output.
   */
  private Derivative exact(ConditionedDenoiser network, Tensor x) {
    ConditionedDenoiser.Traced traced = network.trace(run, step, x);
    Tensor output = traced.output().requiresGrad(true);
    Tensor predictedX0 = run.predictX0(output, x, step);
    Losses losses = losses(predictedX0, x);
    List<Tensor> partial = Autograd.gradients(losses.sum, List.of(x, output));
    Tensor gradient = partial.get(0).add(traced.pullBack().apply(partial.get(1)));
    return new Derivative(output, predictedX0, losses, gradient);
  }

  private Losses losses(Tensor predictedX0, Tensor x) {
    Moment at = new Moment(run, step, x, random);
    Map<String, Tensor> byName = new LinkedHashMap<>();
    Tensor seen = guidance.rule().seen(predictedX0, x, run, step);
    Tensor pictures = guidance.rule().limited(denoiser.pictures(seen));
    Tensor sum = null;
    for (ScheduledGuide guide : guidance.actingAt(step)) {
      Tensor loss = guide.loss(pictures, at);
      byName.put(guide.name(), loss.detach());
      Tensor weighted = loss.mul(guide.weight().at(run, step));
      sum = sum == null ? weighted : sum.add(weighted);
    }
    return new Losses(sum, byName);
  }

  /**
   * Returns Delta_0, the descent of the losses from {@code predictedX0} itself, and adds the {@link
   * StepNumbers#zero} of each gradient to {@code zeros}.
   */
  private Tensor descent(Tensor predictedX0, Tensor x, List<Tensor> zeros) {
    MeanGuidance mean = guidance.meanGuidance();
    Tensor x0 = predictedX0.detach();
    Tensor delta = x0.mul(0);
    for (int i = 0; i < mean.steps(); i++) {
      try (Scope scope = Scope.open();
          Autograd.Recording on = Autograd.on()) {
        Tensor leaf = x0.add(delta).requiresGrad(true);
        Tensor gradient = Autograd.gradient(losses(leaf, x).sum, leaf);
        delta.add_(StepNumbers.finite(gradient), -mean.scale());
        zeros.add(scope.keep(StepNumbers.zero(gradient)));
      }
    }
    return delta;
  }

  /**
   * Moves the pictures of {@code prediction} one DDIM step further and, with fresh noise, back to
   * this step's noise. The scheduler's run does not change.
   */
  Tensor travelBack(Prediction prediction) {
    double here = run.alphaCumprod(step);
    double next = run.nextAlphaCumprod(step);
    double kept = Math.min(here / next, 1); // of one level, except for rounding
    Tensor x = run.scaleModelInput(prediction.x(), step);
    Tensor x0 = run.predictX0(prediction.modelOutput(), prediction.x(), step);
    Tensor noise = x.sub(x0.mul(Math.sqrt(here))).div(Math.sqrt(1 - here));
    Tensor further = x0.mul(Math.sqrt(next)).add(noise.mul(Math.sqrt(1 - next)));
    Tensor fresh = random.normal(x.shape()).to(x.device());
    return further
        .mul(Math.sqrt(kept))
        .add(fresh.mul(Math.sqrt(1 - kept)))
        .div(run.inputScale(step));
  }

  private Tensor largest(Tensor x) {
    Tensor scaled = run.scaleModelInput(x, step);
    return scaled.max().maximum(scaled.min().neg());
  }
}

package dev.sfumato.guidance;

import dev.sfumato.model.Denoiser;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/**
 * A network for one batch of pictures, with their conditions, classifier-free guidance and batch
 * slices. Tensors are on the network's device.
 *
 * @param denoiser the network
 * @param space what decodes its samples to pictures, for guides or at the end
 * @param conditioning the conditioning of the whole batch
 * @param batchSize pictures that go through the network together
 */
public record ConditionedDenoiser(
    Denoiser denoiser, PictureSpace space, Conditioning conditioning, int batchSize) {

  /**
   * The network's output and its backward pass.
   *
   * @param output (B, C', H, W), without gradients
   * @param pullBack maps the gradient with respect to the output to that with respect to x (B, C,
   *     H, W); call it only once
   */
  record Traced(Tensor output, UnaryOperator<Tensor> pullBack) {}

  /** Returns the same with the wanted condition alone. */
  ConditionedDenoiser withoutClassifierFree() {
    return new ConditionedDenoiser(
        denoiser, space, Conditioning.of(conditioning.given()), batchSize);
  }

  /** Returns true if two predictions are combined at {@code step}. */
  boolean isClassifierFree(Step step) {
    return conditioning.guidance().actsAt(step);
  }

  /**
   * Returns the network's output (B, C', H, W) for {@code x} (B, C, H, W), including
   * classifier-free guidance. It is recorded for gradients if {@link Autograd} is on.
   */
  public Tensor predict(Run run, Step step, Tensor x) {
    return Scope.run(() -> inSlices(x, (part, from) -> slice(run, step, part, from)));
  }

  /**
   * The pictures that clean samples stand for, as guides see them. Gradients flow through.
   *
   * @param x0 (B, C, H, W) in the space of the network
   * @return (B, C', H', W') around [-1, 1]
   */
  public Tensor pictures(Tensor x0) {
    return space == PictureSpace.PIXELS
        ? x0
        : Scope.run(() -> inSlices(x0, (part, from) -> space.decode(part)));
  }

  private Tensor inSlices(Tensor x, BiFunction<Tensor, Long, Tensor> computation) {
    List<Tensor> outputs = new ArrayList<>();
    for (long from = 0; from < x.size(0); from += batchSize) {
      outputs.add(computation.apply(part(x, from), from));
    }
    return outputs.size() == 1 ? outputs.get(0) : Tensor.cat(outputs, 0);
  }

  /**
   * Returns the same with its backward pass. If there are several slices, the backward pass
   * computes them again one by one, so only one is in memory.
   */
  Traced trace(Run run, Step step, Tensor x) {
    if (x.size(0) <= batchSize) {
      Tensor leaf = x.detach().requiresGrad(true);
      Tensor output = slice(run, step, leaf, 0);
      return new Traced(output.detach(), gradient -> Autograd.gradient(output, leaf, gradient));
    }
    try (Autograd.Recording off = Autograd.off()) {
      return new Traced(predict(run, step, x), gradient -> pullBack(run, step, x, gradient));
    }
  }

  private Tensor pullBack(Run run, Step step, Tensor x, Tensor gradient) {
    List<Tensor> gradients = new ArrayList<>();
    for (long from = 0; from < x.size(0); from += batchSize) {
      long start = from;
      gradients.add(
          Scope.run(
              () -> {
                Tensor leaf = part(x, start).detach().requiresGrad(true);
                Tensor output = slice(run, step, leaf, start);
                return Autograd.gradient(output, leaf, part(gradient, start));
              }));
    }
    return Tensor.cat(gradients, 0);
  }

  private Tensor part(Tensor tensor, long from) {
    return tensor.narrow(0, from, Math.min(batchSize, tensor.size(0) - from));
  }

  /** Returns the output for the pictures {@code x} of the batch, starting at {@code from}. */
  private Tensor slice(Run run, Step step, Tensor x, long from) {
    Tensor input = run.scaleModelInput(x, step);
    Tensor timesteps = Tensor.full(x.device(), step.timestep(), x.size(0));
    Conditioning rows = conditioning.rows(from, x.size(0));
    if (!rows.guidance().actsAt(step)) {
      return denoiser.forward(input, timesteps, rows.given());
    }
    return together(input, timesteps, rows).orElseGet(() -> apart(input, timesteps, rows));
  }

  private Tensor apart(Tensor input, Tensor timesteps, Conditioning rows) {
    Tensor conditional = denoiser.forward(input, timesteps, rows.given());
    Tensor unconditional = denoiser.forward(input, timesteps, rows.missing().orElseThrow());
    return rows.guidance().combine(conditional, unconditional);
  }

  /**
   * Both predictions from one pass, which reads the weights once. With gradients the two go one
   * after the other, for less memory.
   */
  private Optional<Tensor> together(Tensor input, Tensor timesteps, Conditioning rows) {
    return Autograd.recording()
        ? Optional.empty()
        : rows.missing()
            .orElseThrow()
            .followedBy(rows.given())
            .map(
                both -> {
                  Tensor twice = Tensor.cat(List.of(input, input), 0);
                  Tensor times = Tensor.cat(List.of(timesteps, timesteps), 0);
                  Tensor output = denoiser.forward(twice, times, both);
                  long half = input.size(0);
                  return rows.guidance()
                      .combine(output.narrow(0, half, half), output.narrow(0, 0, half));
                });
  }
}

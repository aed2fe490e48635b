package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The input of a scheduler's step, and what the guides say about it.
 *
 * <p>On a card the losses, the gradient's norm and the warning are read when they are first asked
 * for, all together, and the program then waits for the card. A {@link
 * dev.sfumato.sampling.Sampler} reads them after the last step.
 */
public final class Prediction {
  private final Tensor modelOutput;
  private final Tensor x;

  /** Those of each time that the step is taken; none if no guide acts. */
  private final List<StepNumbers> numbers;

  private Prediction(Tensor modelOutput, Tensor x, List<StepNumbers> numbers) {
    this.modelOutput = modelOutput;
    this.x = x;
    this.numbers = numbers;
  }

  /** Makes the prediction of a step at which no guide acts. */
  Prediction(Tensor modelOutput, Tensor x) {
    this(modelOutput, x, List.of());
  }

  /** Returns the network's output (B, C', H, W), including classifier-free guidance. */
  public Tensor modelOutput() {
    return modelOutput;
  }

  /** Returns the noisy pictures (B, C, H, W), moved by the guides. */
  public Tensor x() {
    return x;
  }

  /** Returns the losses of the guides that act at this step, by name, without scale. */
  public Map<String, Double> losses() {
    return last().map(StepNumbers::losses).orElse(Map.of());
  }

  /**
   * Returns the Euclidean norm of the gradient of the weighted sum of the losses with respect to x
   * over the whole batch, before it is clamped; 0 if no guide acts.
   */
  public double gradientNorm() {
    return last().map(StepNumbers::gradientNorm).orElse(0.0);
  }

  /** Returns what went wrong with the guides at this step, one line; empty if nothing did. */
  public Optional<String> warning() {
    return numbers.stream().flatMap(n -> n.warning().stream()).findFirst();
  }

  private Optional<StepNumbers> last() {
    return numbers.stream().reduce((earlier, later) -> later);
  }

  /** Lets {@code keeper} keep what is still to be read, which the scope of the step would free. */
  public Prediction kept(UnaryOperator<Tensor> keeper) {
    numbers.forEach(n -> n.keep(keeper));
    return this;
  }

  /** Returns the same with another output and other noisy pictures. */
  Prediction moved(Tensor modelOutput, Tensor x) {
    return new Prediction(modelOutput, x, numbers);
  }

  /** Returns the same with the numbers of the guides. */
  Prediction with(StepNumbers guides) {
    return new Prediction(modelOutput, x, List.of(guides));
  }

  /** Returns the same with the numbers of {@code earlier} predictions before its own. */
  Prediction after(List<Prediction> earlier) {
    List<StepNumbers> all = new ArrayList<>();
    earlier.forEach(prediction -> all.addAll(prediction.numbers));
    all.addAll(numbers);
    return new Prediction(modelOutput, x, all);
  }
}

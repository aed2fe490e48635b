package dev.sfumato.bench;

import dev.sfumato.sampling.Sampler;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Tensor;
import java.util.stream.DoubleStream;

/** Times the steps of a sampling. */
final class StepClock implements Sampler.Listener {
  private final long begun = System.nanoTime();
  private final DoubleStream.Builder seconds = DoubleStream.builder();
  private long last = begun;

  @Override
  public void onStep(Step step, Tensor x) {
    long now = System.nanoTime();
    seconds.add((now - last) / 1e9);
    last = now;
  }

  /**
   * Returns the seconds of each step. On a card, where steps do not wait, it waits for {@code end}
   * and returns their mean.
   */
  double[] seconds(Tensor end, int steps) {
    if (end.device().isCpu()) {
      return seconds.build().toArray();
    }
    end.mean().item();
    return new double[] {(System.nanoTime() - begun) / 1e9 / steps};
  }
}

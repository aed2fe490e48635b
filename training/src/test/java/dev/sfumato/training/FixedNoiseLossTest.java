package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.data.Batch;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import org.junit.jupiter.api.Test;

class FixedNoiseLossTest {
  private static final int PICTURES = 70;

  /** The sum of a picture's number, two normal numbers and a timestep. */
  private static final class Sum implements TrainingLoss {
    private int largest;

    @Override
    public Module network() {
      throw new AssertionError("not asked for");
    }

    @Override
    public Tensor loss(Batch batch, Draws draws) {
      largest = Math.max(largest, batch.size());
      float[] first = draws.normal(1).toFloats();
      float[] second = draws.normal(1).toFloats();
      long[] timesteps = draws.integers(1000).toLongs();
      double sum = 0;
      for (int i = 0; i < batch.size(); i++) {
        sum += batch.indices()[i] * (first[i] + 2 * second[i] + timesteps[i]);
      }
      return Tensor.scalar(sum / batch.size());
    }
  }

  /** To measure must not take more memory than to train. */
  @Test
  void itIsMeasuredInSmallPartsWithTheNoiseOfLargeBatches() {
    Sum loss = new Sum();
    double expected = 0;
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      for (int from = 0; from < PICTURES; from += 64) {
        int count = Math.min(64, PICTURES - from);
        float[] first = random.normal(count, 1).toFloats();
        float[] second = random.normal(count, 1).toFloats();
        for (int i = 0; i < count; i++) {
          int index = from + i;
          expected += index * (first[i] + 2 * second[i] + index * 1000 / PICTURES) / PICTURES;
        }
      }
    }
    FixedNoiseLoss measured = new FixedNoiseLoss(PictureList.random(PICTURES, 1, 8, 0, 3), loss);
    assertThat(measured.value(() -> false).orElseThrow()).isWithin(1e-2).of(expected);
    assertThat(loss.largest).isAtMost(8);
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }
}

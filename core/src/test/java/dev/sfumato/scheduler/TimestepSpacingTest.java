package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.tensor.Golden;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TimestepSpacingTest {
  @Test
  void equalsTheTablesOfDiffusers() {
    for (JsonNode row : Golden.read("schedulers").document().get("timesteps")) {
      List<Integer> timesteps =
          falling(
              TimestepSpacing.parse(row.get("timestep_spacing").asText()),
              row.get("num_train_timesteps").asInt(),
              row.get("num_inference_steps").asInt(),
              row.get("steps_offset").asInt());
      assertWithMessage("%s", row)
          .that(timesteps)
          .isEqualTo(SchedulerGoldenTest.integers(row.get("timesteps")));
    }
  }

  /** diffusers gives 62 trailing timesteps for 61, the last of them -1, and so for 62 counts. */
  @ParameterizedTest
  @EnumSource
  void givesAsManyAsAreAskedForStrictlyFallingAndInRange(TimestepSpacing spacing) {
    for (int steps = 1; steps <= 1000; steps++) {
      List<Integer> timesteps = falling(spacing, 1000, steps, 0);
      assertThat(timesteps).hasSize(steps);
      assertThat(timesteps).isInStrictOrder(Comparator.reverseOrder());
      assertThat(timesteps.get(0)).isLessThan(1000);
      assertThat(timesteps.get(steps - 1)).isAtLeast(0);
    }
  }

  private static List<Integer> falling(TimestepSpacing spacing, int train, int steps, int offset) {
    return spacing
        .ascending(train, steps, offset)
        .boxed()
        .sorted(Comparator.reverseOrder())
        .toList();
  }
}

package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

class InspectSystemTest {
  @Test
  void showsWhatTheEngineWantsAndWhatThisMachineHas() {
    String shown = Calls.run("inspect --system").succeeds().out();
    assertThat(shown).containsMatch("(?m)^memory +[\\d.]+ GB, [\\d.]+ GB available");
    assertThat(shown).containsMatch("(?m)^engine +libtorch and its binding 2\\.");
    assertThat(shown).containsMatch("(?m)^driver +wanted 580 or newer, found ");
    assertThat(shown).containsMatch("(?m)^cudnn +wanted 9 ");
    assertThat(shown).containsMatch("(?m)^cards +\\d");
    assertThat(shown).containsMatch("(?m)^missing +\\w");
  }

  @Test
  void takesAModelOrTheSystem() {
    Calls.run("inspect --system models/mnist").failsWith(2, "models/mnist");
  }

  @Test
  void tf32IsOnOrOff() {
    Calls.run("sample --model x --tf32 maybe").failsWith(2, "--tf32");
  }
}

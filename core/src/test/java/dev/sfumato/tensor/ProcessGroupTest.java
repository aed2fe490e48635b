package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The ranks are threads here; processes are the command line's to test. */
class ProcessGroupTest {
  private static final int SIZE = 3;

  @Test
  void allHaveTheSumAndWhatRankZeroHas() throws Exception {
    long before = Scope.liveTensors();
    List<String> seen =
        Ranks.run(
            SIZE,
            group -> {
              int mine = group.rank() + 1;
              try (Scope scope = Scope.open()) {
                Tensor wide = Tensor.full(mine, 3000, 3000); // more than a bucket
                Tensor weight = Tensor.of(new float[] {mine, 0, 0, mine}, 2, 2).requiresGrad(true);
                Tensor column = weight.detach().transpose(0, 1);
                group.sum_(List.of(wide, weight, column.copy()));
                float[] sums = weight.toFloats();
                group.broadcast_(List.of(wide.fill_(mine), weight.requiresGrad(false).fill_(mine)));
                return String.format(
                    "%d %s %s %s %s %s %s %s %s",
                    group.size(),
                    sums[0],
                    sums[1],
                    wide.mean().item(),
                    weight.sum().item(),
                    group.sum(0.25 * mine),
                    group.any(group.rank() == 2),
                    group.any(false),
                    group.broadcast(group.isFirst() ? "grün" : "?"));
              } finally {
                group.barrier();
              }
            });
    assertThat(seen).hasSize(SIZE);
    for (String values : seen) {
      assertThat(values).isEqualTo("3 6.0 0.0 1.0 4.0 1.5 true false grün");
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void aDifferenceIsAnErrorOfAll() throws Exception {
    List<Optional<String>> errors =
        Ranks.run(
            SIZE,
            group -> {
              group.requireSame("x", "not reached");
              Optional<String> error =
                  Ranks.error(() -> group.requireSame("x" + group.rank() / 2, "they differ"));
              group.barrier();
              return error;
            });
    assertThat(errors).containsExactlyElementsIn(List.of(they(), they(), they()));
  }

  private static Optional<String> they() {
    return Optional.of("they differ");
  }

  @Test
  void whoIsGoneIsNamed() throws Exception {
    List<Optional<String>> errors =
        Ranks.run(
            2,
            group -> {
              group.barrier();
              return group.isFirst() ? Ranks.error(group::barrier) : Optional.empty();
            });
    assertThat(errors.get(0).orElseThrow()).startsWith("rank 1 is gone: ");
  }

  @Test
  void aloneNothingIsToBeDone() {
    try (Scope scope = Scope.open();
        ProcessGroup group = ProcessGroup.alone()) {
      Tensor tensor = Tensor.full(2, 2);
      group.sum_(List.of(tensor));
      group.broadcast_(List.of(tensor));
      group.requireSame("x", "not reached");
      group.barrier();
      assertThat(tensor.sum().item()).isEqualTo(4);
      assertThat(group.sum(3)).isEqualTo(3);
      assertThat(group.any(true)).isTrue();
      assertThat(group.broadcast("x")).isEqualTo("x");
      assertThat(group.isFirst()).isTrue();
    }
  }

  // ---- the environment

  @Test
  void torchrunsEnvironment() {
    Map<String, String> environment = environment();
    assertThat(Rendezvous.of(Map.of("MASTER_PORT", "1"))).isEmpty();
    assertThat(Rendezvous.of(environment))
        .hasValue(new Rendezvous(1, 2, 0, 1, "localhost", 29500, false, "0"));
    environment.putAll(
        Map.of(
            "LOCAL_RANK", "1",
            "LOCAL_WORLD_SIZE", "2",
            "TORCHELASTIC_USE_AGENT_STORE", "True",
            "TORCHELASTIC_RESTART_COUNT", "2"));
    assertThat(Rendezvous.of(environment))
        .hasValue(new Rendezvous(1, 2, 1, 2, "localhost", 29500, true, "2"));
    assertThat(Rendezvous.of(Map.of("RANK", "0", "WORLD_SIZE", "1"))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "WORLD_SIZE,",
    "RANK,",
    "RANK,two",
    "RANK,2",
    "RANK,-1",
    "WORLD_SIZE,0",
    "MASTER_PORT,99999",
    "MASTER_PORT,",
    "MASTER_ADDR,",
    "LOCAL_RANK,x",
    "LOCAL_WORLD_SIZE,3",
    "WORLD_SIZE,99999999999"
  })
  void wrongVariablesAreNamed(String name, String value) {
    Map<String, String> environment = environment();
    environment.remove(name);
    if (value != null) {
      environment.put(name, value);
    }
    SfumatoException e = assertThrows(SfumatoException.class, () -> Rendezvous.of(environment));
    assertWithMessage(e.getMessage()).that(e.getMessage().lines().count()).isEqualTo(1);
    assertThat(e).hasMessageThat().contains("variable " + name);
  }

  private static Map<String, String> environment() {
    return new HashMap<>(
        Map.of("RANK", "1", "WORLD_SIZE", "2", "MASTER_ADDR", "localhost", "MASTER_PORT", "29500"));
  }
}

package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Moves;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RowCacheTest {
  /** Keeps everything. */
  private static final class All implements RowStore {
    private final Map<String, Row> rows = new HashMap<>();

    @Override
    public Optional<Row> find(String key) {
      return Optional.ofNullable(rows.get(key));
    }

    @Override
    public void keep(String key, Row row) {
      rows.put(key, row);
    }
  }

  /** Words in small letters are kept. */
  private static Optional<String> key(String word) {
    return Optional.of(word).filter(w -> w.equals(w.toLowerCase(Locale.ROOT)));
  }

  @Test
  void whatIsKeptIsComputedOnce() {
    AtomicInteger computed = new AtomicInteger();
    RowCache<String> cache =
        new RowCache<>(
            new All(),
            RowCacheTest::key,
            word -> {
              computed.incrementAndGet();
              return Tensor.full(word.length(), 1, 2);
            });
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < 2; i++) {
        assertThat(cache.of(List.of("a", "BB", "ccc"), Device.CPU))
            .isIdenticalTo(Tensor.of(new float[] {1, 1, 2, 2, 3, 3}, 3, 2));
      }
      assertThat(computed.get()).isEqualTo(4);
    }
  }

  @Test
  void whatIsNotKeptStaysOnTheCard() {
    RowCache<String> cache =
        new RowCache<>(
            new All(), RowCacheTest::key, word -> Tensor.zeros(StandInCard.DEVICE, 1, 2));
    try (Scope scope = Scope.open()) {
      long read = Moves.read();
      assertThat(cache.of(List.of("A", "B"), StandInCard.DEVICE).device())
          .isEqualTo(StandInCard.DEVICE);
      assertThat(Moves.read()).isEqualTo(read);
      assertThrows(
          SfumatoException.class, () -> cache.of(List.of("a"), StandInCard.DEVICE)); // no numbers
      assertThat(Moves.read()).isEqualTo(read + 1);
    }
  }
}

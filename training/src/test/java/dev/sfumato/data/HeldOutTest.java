package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Scope;
import dev.sfumato.training.PictureList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HeldOutTest {
  private final Dataset all = PictureList.random(20, 1, 4, 3, 1);

  @Test
  void everyPictureIsOnOneSideAndKeepsItsLabel() {
    HeldOut split = HeldOut.share(all, 0.25, 7);
    assertThat(split.validation().size()).isEqualTo(5);
    assertThat(split.training().size()).isEqualTo(15);
    Set<String> seen = new HashSet<>();
    for (Dataset side : List.of(split.training(), split.validation())) {
      for (int i = 0; i < side.size(); i++) {
        byte[] values = side.pixels(i).values();
        seen.add(Arrays.toString(values));
        int original = original(values);
        assertThat(side.label(i)).isEqualTo(all.label(original));
      }
    }
    assertThat(seen).hasSize(20);
  }

  @Test
  void everyPictureKeepsItsCaptionAlsoInItsBatch() {
    Dataset captioned =
        new DatasetView(all) {
          @Override
          public List<String> captions() {
            return IntStream.range(0, size()).mapToObj(i -> "picture " + i).toList();
          }
        };
    Dataset side = HeldOut.share(captioned, 0.25, 7).training();
    assertThat(side.captions()).hasSize(15);
    Batches batches = new Batches(side, new BatchOptions(4, true, false, 3));
    try (Scope scope = Scope.open();
        BatchStream stream = batches.epoch(0).from(0)) {
      Batch batch = stream.next();
      for (int i = 0; i < batch.size(); i++) {
        int number = original(side.pixels(batch.indices()[i]).values());
        assertThat(batch.captions().get(i)).isEqualTo("picture " + number);
      }
    }
  }

  private int original(byte[] values) {
    return IntStream.range(0, all.size())
        .filter(i -> Arrays.equals(all.pixels(i).values(), values))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void theSeedAloneDecides() {
    assertThat(labels(HeldOut.share(all, 0.5, 1))).isEqualTo(labels(HeldOut.share(all, 0.5, 1)));
    assertThat(labels(HeldOut.share(all, 0.5, 1))).isNotEqualTo(labels(HeldOut.share(all, 0.5, 2)));
  }

  private List<Integer> labels(HeldOut split) {
    return IntStream.range(0, split.validation().size())
        .mapToObj(i -> original(split.validation().pixels(i).values()))
        .toList();
  }

  @Test
  void bothSidesHaveAPicture() {
    assertThat(HeldOut.share(all, 1e-9, 0).validation().size()).isEqualTo(1);
    assertThat(HeldOut.share(all, 0.999, 0).training().size()).isEqualTo(1);
    Dataset one = PictureList.random(1, 1, 4, 1, 1);
    assertThrows(SfumatoException.class, () -> HeldOut.share(one, 0.5, 0));
  }

  @Test
  void picturesOfAnotherKindAreRefused() {
    assertThat(
            assertThrows(
                SfumatoException.class, () -> new HeldOut(all, PictureList.random(2, 3, 4, 3, 1))))
        .hasMessageThat()
        .contains("3 channels");
  }
}

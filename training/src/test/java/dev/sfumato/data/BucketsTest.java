package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Size;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sizes in several proportions, and batches of them. */
class BucketsTest {
  @TempDir private Path folder;

  @Test
  void bucketsOf512AreThoseOfKohya() {
    assertThat(Buckets.of(512).sizes().stream().map(Size::toString).toList())
        .containsExactly(
            "1024 x 256",
            "960 x 256",
            "896 x 256",
            "832 x 256",
            "768 x 320",
            "704 x 320",
            "640 x 384",
            "576 x 448",
            "512 x 512",
            "448 x 576",
            "384 x 640",
            "320 x 704",
            "320 x 768",
            "256 x 832",
            "256 x 896",
            "256 x 960",
            "256 x 1024")
        .inOrder();
  }

  @Test
  void everyResolutionHasBucketsOfItsAreaAtMost() {
    for (int side : new int[] {8, 16, 20, 32, 64, 96, 128, 256, 500, 768, 1024}) {
      List<Size> sizes = Buckets.of(side).sizes();
      assertWithMessage("%s", side).that(sizes).contains(Buckets.of(side).nearest(new Size(9, 9)));
      for (Size size : sizes) {
        assertThat(size.height() % 8 + size.width() % 8).isEqualTo(0);
        assertWithMessage("%s of %s", size, side)
            .that(size.area())
            .isAtMost(Math.max(64L, (long) side * side));
        assertThat(sizes).contains(new Size(size.width(), size.height()));
      }
    }
  }

  @Test
  void aPictureGetsTheNearestProportions() {
    Buckets buckets = Buckets.of(512);
    assertThat(buckets.nearest(new Size(1000, 1000))).isEqualTo(new Size(512, 512));
    assertThat(buckets.nearest(new Size(1080, 1920))).isEqualTo(new Size(384, 640));
    assertThat(buckets.nearest(new Size(1920, 1080))).isEqualTo(new Size(640, 384));
    assertThat(buckets.nearest(new Size(10, 9000))).isEqualTo(new Size(256, 1024));
    Frame frame = Frame.covering(new Size(1080, 1920), new Size(384, 640), true);
    assertThat(frame.moving()).isTrue();
    assertThat(frame.scaled()).isEqualTo(new Size(384, 683));
  }

  @Test
  void aBatchHasPicturesOfOneBucketAndTheRestMakeShorterOnes() throws IOException {
    Dataset dataset = pictures();
    for (boolean shuffle : new boolean[] {false, true}) {
      BatchOptions options = new BatchOptions(2, shuffle, true, 3);
      Batches batches = new Batches(dataset, options);
      assertThat(batches.perEpoch()).isEqualTo(2 + 2 + 1); // of 4, 3 and 1 pictures
      for (int epoch = 0; epoch < 3; epoch++) {
        List<Batch> all = all(batches, epoch, 0, Share.ALL);
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
          Batch batch = all.get(i);
          assertThat(batch.size()).isEqualTo(batches.sizeAt(i));
          IntStream.of(batch.indices()).forEach(seen::add);
          for (int picture : batch.indices()) {
            Size size = dataset.frame(picture).size();
            assertThat(batch.images().size(2)).isEqualTo(size.height());
            assertThat(batch.images().size(3)).isEqualTo(size.width());
          }
        }
        assertThat(seen).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        List<Batch> rest = all(batches, epoch, 2, Share.ALL);
        assertThat(rest.get(0).images().toFloats()).isEqualTo(all.get(2).images().toFloats());
        all.forEach(batch -> batch.images().close());
        rest.forEach(batch -> batch.images().close());
      }
      assertThat(Arrays.equals(batches.epoch(0).order(), batches.epoch(1).order()))
          .isEqualTo(!shuffle);
    }
  }

  @Test
  void processesShareABatchOfOneBucket() throws IOException {
    Batches batches = new Batches(pictures(), new BatchOptions(2, true, true, 3));
    List<Batch> whole = all(batches, 1, 0, Share.ALL);
    List<List<Batch>> shares =
        List.of(all(batches, 1, 0, new Share(0, 2)), all(batches, 1, 0, new Share(1, 2)));
    for (int i = 0; i < whole.size(); i++) {
      int position = i;
      List<Integer> indices =
          shares.stream()
              .flatMap(share -> IntStream.of(share.get(position).indices()).boxed())
              .collect(Collectors.toList());
      assertThat(indices)
          .isEqualTo(IntStream.of(whole.get(i).indices()).boxed().collect(Collectors.toList()));
      for (List<Batch> share : shares) { // also if it has no picture of a short batch
        assertThat(share.get(i).images().size(3)).isEqualTo(whole.get(i).images().size(3));
      }
    }
    shares.forEach(share -> share.forEach(batch -> batch.images().close()));
    whole.forEach(batch -> batch.images().close());
  }

  @Test
  void cropsTellTheirPlaceAlsoInMirroredPictures() throws IOException {
    Drawn.captioned(folder.resolve("a.png"), 100, 40, 1);
    DataOptions options = DataOptions.defaults().withResolution(20);
    Dataset random = Datasets.open(folder.toString(), options);
    Dataset middle = Datasets.open(folder.toString(), options.withCenterCrop(true));
    boolean mirrored = false;
    for (int epoch = 0; epoch < 20; epoch++) {
      Crop plain = crop(new Batches(random, new BatchOptions(1, false, false, 1)), epoch);
      Crop flipped = crop(new Batches(random, new BatchOptions(1, false, true, 1)), epoch);
      assertThat(plain.frame().original()).isEqualTo(new Size(40, 100));
      assertThat(plain.frame().scaled()).isEqualTo(new Size(20, 50));
      assertThat(flipped.left()).isAnyOf(plain.left(), 30 - plain.left());
      mirrored |= flipped.left() != plain.left();
    }
    assertThat(mirrored).isTrue();
    Crop centred = crop(new Batches(middle, new BatchOptions(1, false, false, 1)), 0);
    assertThat(centred.left()).isEqualTo(15);
    assertThat(centred.frame().moving()).isFalse();
    assertThat(centred.top()).isEqualTo(0);
  }

  private static Crop crop(Batches batches, int epoch) {
    List<Batch> all = all(batches, epoch, 0, Share.ALL);
    all.forEach(batch -> batch.images().close());
    return all.get(0).crops().get(0);
  }

  /** Four wide pictures, three square and one tall. */
  private Dataset pictures() throws IOException {
    int[][] shapes = {
      {64, 32}, {32, 32}, {70, 33}, {33, 70}, {32, 32}, {64, 32}, {32, 32}, {64, 32}
    };
    for (int i = 0; i < shapes.length; i++) {
      Drawn.captioned(folder.resolve(i + ".png"), shapes[i][0], shapes[i][1], i);
    }
    DataOptions options = DataOptions.defaults().withResolution(32);
    return Datasets.open(folder.toString(), options.withTexts(options.texts().withRequired(true)));
  }

  private static List<Batch> all(Batches batches, int epoch, int from, Share share) {
    List<Batch> all = new ArrayList<>();
    try (BatchStream stream = batches.epoch(epoch).from(from, share)) {
      while (stream.hasNext()) {
        try (Scope scope = Scope.open()) {
          Batch batch = stream.next();
          Scope.release(batch.images());
          all.add(batch);
        }
      }
    }
    return all;
  }

  /** The second try must not give a batch a picture of another size. */
  @Test
  void aPictureThatGetsOtherProportionsIsRefusedEachTime() throws IOException {
    DataOptions options = DataOptions.defaults().withResolution(32).withCacheMegabytes(0);
    Drawn.captioned(folder.resolve("a.png"), 64, 32, 1);
    Drawn.captioned(folder.resolve("b.png"), 32, 64, 1);
    Dataset dataset =
        Datasets.open(folder.toString(), options.withTexts(options.texts().withRequired(true)));
    Drawn.captioned(folder.resolve("a.png"), 32, 64, 1);
    for (int i = 0; i < 2; i++) {
      assertThat(assertThrows(SfumatoException.class, () -> dataset.pixels(0)))
          .hasMessageThat()
          .endsWith("a.png: the file was changed, its picture has other proportions");
    }
  }
}

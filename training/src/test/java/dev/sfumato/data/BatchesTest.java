package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.collect.Range;
import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BatchesTest {
  private static final int SIZE = 10;
  private static final int BAD = -1;

  /**
   * Pictures of 2 x 2 pixels, of which picture i has {@code stripes} columns 10 i, 10 i + 1, ...
   */
  private record Stripes(int stripes, int bad) implements Dataset {
    @Override
    public int size() {
      return SIZE;
    }

    @Override
    public int channels() {
      return 1;
    }

    @Override
    public int height() {
      return 2;
    }

    @Override
    public int width() {
      return 2;
    }

    @Override
    public List<String> classNames() {
      return List.of("even", "odd");
    }

    @Override
    public int label(int index) {
      return index % 2;
    }

    @Override
    public Pixels pixels(int index) {
      if (index == bad) {
        throw new SfumatoException("7.png: gone");
      }
      byte[] values = new byte[2 * stripes];
      for (int i = 0; i < values.length; i++) {
        values[i] = (byte) (10 * index + i % stripes);
      }
      return new Pixels(1, 2, stripes, values);
    }
  }

  private static final Dataset SQUARE = new Stripes(2, BAD);
  private static final BatchOptions PLAIN = new BatchOptions(4, false, false, 0);

  private Scope scope;

  @BeforeEach
  void openScope() {
    scope = Scope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  @Test
  void keepsTheOrderAndTheShortLastBatch() {
    Batches batches = new Batches(SQUARE, PLAIN);
    assertThat(batches.perEpoch()).isEqualTo(3);
    try (BatchStream stream = batches.epoch(0).from(0)) {
      assertThat(stream.next().images().shape()).isEqualTo(new long[] {4, 1, 2, 2});
      Batch second = stream.next();
      assertThat(second.indices()).isEqualTo(new int[] {4, 5, 6, 7});
      assertThat(second.labels()).isEqualTo(new long[] {0, 1, 0, 1});
      Batch last = stream.next();
      assertThat(last.size()).isEqualTo(2);
      float low = (90 / 255f - 0.5f) / 0.5f;
      float high = (91 / 255f - 0.5f) / 0.5f;
      assertThat(Arrays.copyOfRange(last.images().toFloats(), 4, 8))
          .isEqualTo(new float[] {low, high, low, high});
      assertThat(stream.hasNext()).isFalse();
      assertThrows(NoSuchElementException.class, stream::next);
    }
  }

  @Test
  void shufflesAsAFunctionOfSeedAndEpoch() {
    Batches batches = new Batches(SQUARE, new BatchOptions(4, true, true, 7));
    int[] order = batches.epoch(3).order();
    assertThat(order).isEqualTo(new int[] {5, 9, 3, 0, 2, 4, 1, 8, 6, 7}); // as ever
    assertThat(new Batches(SQUARE, new BatchOptions(3, true, false, 7)).epoch(3).order())
        .isEqualTo(order);
    assertThat(batches.epoch(4).order()).isNotEqualTo(order);
    assertThat(new Batches(SQUARE, new BatchOptions(4, true, true, 8)).epoch(3).order())
        .isNotEqualTo(order);
    Arrays.sort(order);
    assertThat(order).isEqualTo(IntStream.range(0, SIZE).toArray());
  }

  @Test
  void flipsAboutHalfOfThePicturesAnewInEveryEpoch() {
    Batches batches = new Batches(SQUARE, new BatchOptions(5, true, true, 1));
    int flips = 0;
    List<String> patterns = new ArrayList<>();
    for (int epoch = 0; epoch < 40; epoch++) {
      boolean[] flipped = new boolean[SIZE];
      for (Batch batch : all(batches, epoch, 0)) {
        float[] images = batch.images().toFloats();
        for (int i = 0; i < batch.size(); i++) {
          flipped[batch.indices()[i]] = images[4 * i] > images[4 * i + 1];
          flips += flipped[batch.indices()[i]] ? 1 : 0;
        }
      }
      patterns.add(Arrays.toString(flipped));
    }
    assertThat(flips).isIn(Range.closed(160, 240));
    assertThat(patterns.stream().distinct().count()).isGreaterThan(35L);
  }

  @Test
  void drawsEveryCropAndNoOther() {
    Batches batches = new Batches(new Stripes(5, BAD), new BatchOptions(5, false, false, 1));
    List<Integer> lefts = new ArrayList<>();
    for (int epoch = 0; epoch < 20; epoch++) {
      for (Batch batch : all(batches, epoch, 0)) {
        float[] images = batch.images().toFloats();
        for (int i = 0; i < batch.size(); i++) {
          lefts.add(Math.round((images[4 * i] + 1) * 127.5f) - 10 * batch.indices()[i]);
        }
      }
    }
    assertThat(lefts.stream().distinct().sorted().toList()).containsExactly(0, 1, 2, 3).inOrder();
  }

  @Test
  void givesTheSameRestFromAnyPosition() {
    Batches batches = new Batches(new Stripes(4, BAD), new BatchOptions(3, true, true, 5));
    List<Batch> whole = all(batches, 2, 0);
    for (int position = 0; position <= batches.perEpoch(); position++) {
      List<Batch> rest = all(batches, 2, position);
      assertThat(rest).hasSize(whole.size() - position);
      for (int i = 0; i < rest.size(); i++) {
        Batch expected = whole.get(position + i);
        assertThat(rest.get(i).indices()).isEqualTo(expected.indices());
        assertThat(rest.get(i).labels()).isEqualTo(expected.labels());
        assertThat(rest.get(i).images().toFloats()).isEqualTo(expected.images().toFloats());
      }
    }
    assertThrows(IllegalArgumentException.class, () -> batches.epoch(0).from(5));
  }

  @Test
  void leavesNoThreadBehind() {
    BatchStream stream = new Batches(SQUARE, PLAIN).epoch(0).from(0);
    stream.next();
    assertThat(threads()).isEqualTo(new Batches(SQUARE, PLAIN).threads());
    stream.close();
    stream.close();
    assertThat(threads()).isEqualTo(0);
    assertThrows(IllegalStateException.class, stream::next);
  }

  @Test
  void hasEndedItsThreadsWhenCloseReturns() {
    for (int i = 0; i < 200; i++) {
      new Batches(new Stripes(40, BAD), new BatchOptions(40, false, false, 0), 40)
          .epoch(0)
          .from(0)
          .close();
      assertThat(threads()).isEqualTo(0);
    }
  }

  @Test
  void freesWhatIsNotTaken() {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        BatchStream stream = new Batches(new Stripes(2, 7), PLAIN).epoch(0).from(0)) {
      stream.next();
      assertThrows(SfumatoException.class, stream::next);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void passesOnWhatWentWrongInTheBackground() {
    try (BatchStream stream = new Batches(new Stripes(2, 7), PLAIN).epoch(0).from(0)) {
      stream.next();
      SfumatoException e = assertThrows(SfumatoException.class, stream::next);
      assertThat(e).hasMessageThat().isEqualTo("7.png: gone");
    }
    assertThat(threads()).isEqualTo(0);
  }

  @Test
  void givesTheSameBatchesWithAnyNumberOfThreads() {
    for (int threads : new int[] {1, 2, 7}) {
      Batches one = new Batches(new Stripes(4, BAD), new BatchOptions(3, true, true, 5));
      BatchOptions options = new BatchOptions(3, true, true, 5);
      List<Batch> others = all(new Batches(new Stripes(4, BAD), options, threads), 1, 0);
      for (Batch expected : all(one, 1, 0)) {
        Batch other = others.remove(0);
        assertThat(other.indices()).isEqualTo(expected.indices());
        assertThat(other.images().toFloats()).isEqualTo(expected.images().toFloats());
      }
    }
  }

  @Test
  void refusesEmptyBatches() {
    assertThrows(SfumatoException.class, () -> new BatchOptions(0, true, true, 0));
    assertThrows(SfumatoException.class, () -> new Batches(SQUARE, PLAIN, 0));
  }

  private static List<Batch> all(Batches batches, int epoch, int position) {
    List<Batch> all = new ArrayList<>();
    try (BatchStream stream = batches.epoch(epoch).from(position)) {
      stream.forEachRemaining(all::add);
    }
    return all;
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("sfumato-batches") && thread.isAlive())
        .count();
  }

  /** As by {@code future.cancel(true)}. */
  @Test
  void anInterruptedThreadFreesThePreparedBatches() {
    long before = Scope.liveTensors();
    BatchStream stream = new Batches(SQUARE, PLAIN).epoch(0).from(0);
    Thread.currentThread().interrupt();
    stream.close();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }
}

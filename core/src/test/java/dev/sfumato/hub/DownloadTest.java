package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DownloadTest extends HubFixture {
  // ---- what goes wrong on the way

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 500, 502, 503, 504})
  void asksABusyServerAgain(int status) {
    hub.next("revision", Answer.status(status, "Retry-After", "0"));
    hub.next("HEAD " + WEIGHTS, Answer.status(status));
    hub.next(WEIGHTS, Answer.status(status), Answer.status(status));
    assertWhole(snapshot());
  }

  @Test
  void givesUpOnAServerThatStaysBusy() {
    Answer busy = Answer.status(503);
    hub.next("revision", busy, busy, busy, busy, busy);
    assertThat(failure())
        .startsWith("org/name: not in the cache, and " + hub.endpoint() + " cannot be reached");
    assertThat(hub.requests).hasSize(5);
  }

  @Test
  void waitsUntilTheDateThatABusyServerNames() {
    String date =
        DateTimeFormatter.RFC_1123_DATE_TIME.format(
            ZonedDateTime.now(ZoneOffset.UTC).plusSeconds(3));
    hub.next("revision", Answer.status(503, "Retry-After", date));
    hub.next("HEAD " + WEIGHTS, Answer.status(503, "Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"));
    long start = System.nanoTime();
    assertWhole(snapshot());
    assertThat(System.nanoTime() - start).isAtLeast(1_000_000_000L);
  }

  /** A server that is never silent for long, and never done either. */
  @Test
  void givesUpOnAServerThatDrips() {
    Answer drip = Answer.dripping(20);
    hub.next(WEIGHTS, drip, drip, drip, drip, drip, drip);
    Hub impatient = new Hub(settings(false, true, Duration.ofMillis(500)));
    assertThat(failure(impatient, ID)).contains("the server sends too slowly");
  }

  @Test
  void goesOnWhereTheConnectionWasCut() {
    int size = hub.files.get(WEIGHTS).length;
    Answer[] cuts = new Answer[8]; // more often than a server may be busy
    Arrays.setAll(cuts, i -> Answer.cutAt((i + 1) * size / 10));
    hub.next(WEIGHTS, cuts);
    assertWhole(snapshot());
    String last = hub.requests.get(hub.requests.size() - 1);
    int from = Integer.parseInt(last.replaceFirst(".*range bytes=(\\d+)-$", "$1"));
    assertThat(from).isGreaterThan(size / 2);
    assertThat(from).isAtMost(8 * size / 10); // less where the cut lost what was on its way
  }

  @Test
  void goesOnWithWhatAnEarlierProcessLeft() throws IOException {
    byte[] content = hub.files.get(WEIGHTS);
    leave(Arrays.copyOf(content, 1234));
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("storage")))
        .containsExactly("GET storage /" + WEIGHTS + " range bytes=1234-");
    assertThat(Files.exists(partial())).isFalse();
  }

  @Test
  void finishesWhatAnEarlierProcessHadAllOf() throws IOException {
    leave(hub.files.get(WEIGHTS));
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1234, 200_000, 300_000})
  void startsAgainWhereWhatWasLeftIsOfAnotherFile(int size) throws IOException {
    leave(FakeHub.noise(size + 1));
    assertWhole(snapshot());
  }

  @Test
  void takesAllFromAServerThatIgnoresRanges() throws IOException {
    leave(Arrays.copyOf(hub.files.get(WEIGHTS), 1234));
    hub.next(WEIGHTS, Answer.ignoringTheRange());
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({WEIGHTS, CONFIG})
  void refusesWrongBytes(String name) {
    byte[] wrong = hub.files.get(name).clone();
    wrong[wrong.length / 2] ^= 1;
    hub.next(name, Answer.sends(wrong));
    assertThat(failure())
        .startsWith(name + ": refused: the server sent " + wrong.length + " bytes");
    Path folder = cache.resolve("models--org--name");
    assertThat(below(folder.resolve("snapshots"))).doesNotContain(FakeHub.COMMIT + "/" + name);
    assertThat(below(folder.resolve("blobs"))).doesNotContain(hub.hash(name));
    assertThat(below(folder.resolve("blobs"))).doesNotContain(hub.hash(name) + ".incomplete");
    assertWhole(snapshot());
  }

  @Test
  void startsAgainWhenTheFileChangesOnTheWay() {
    byte[] old = hub.files.get(WEIGHTS);
    hub.next(
        WEIGHTS,
        (exchange, content) -> {
          hub.files.put(WEIGHTS, FakeHub.noise(old.length + 5));
          Answer.cutAt(1000).to(exchange, old);
        });
    assertWhole(snapshot());
  }

  @Test
  void doesNotWaitForASilentServer() {
    hub.next(WEIGHTS, Answer.slowly(3000));
    assertWhole(snapshot(new Hub(settings(false, true, Duration.ofMillis(500))), ID));
    assertThat(hub.requests).contains("GET storage /" + WEIGHTS + " range bytes=1-");
  }

  // ---- servers without end

  private Hub impatient() {
    return new Hub(settings(false, true, Duration.ofMillis(500)));
  }

  @Test
  void doesNotWaitForASilentList() {
    hub.next("revision", Answer.silently(10_000));
    assertThat(failure(impatient(), ID)).contains("the server was silent for 0 s");
    hub.next("tree", Answer.silently(10_000));
    assertWhole(snapshot(impatient(), ID));
  }

  @Test
  void stopsReadingAListWithoutEnd() {
    hub.next("revision", Answer.endlessly(new byte[1 << 16]));
    assertThat(failure()).contains("cannot be reached");
    byte[] spaces = new byte[1 << 16];
    Arrays.fill(spaces, (byte) ' ');
    hub.next("revision", Answer.endlessly(spaces));
    assertThat(failure()).contains("the server sends more than 67108864 bytes");
    hub.next("tree", Answer.endlessly(spaces));
    assertWhole(snapshot());
  }

  @Test
  void stopsTurningPagesThatLeadInCircles() {
    Answer[] pages = new Answer[1001];
    Arrays.fill(
        pages,
        (Answer)
            (exchange, content) -> {
              String page = hub.endpoint() + exchange.getRequestURI().toString();
              exchange.getResponseHeaders().set("Link", "<" + page + ">; rel=\"next\"");
              Answer.send(exchange, "[]".getBytes());
            });
    hub.next("tree", pages);
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("/tree/"))).hasSize(1000);
  }

  @ParameterizedTest
  @CsvSource({WEIGHTS, CONFIG})
  void stopsReadingAFileThatIsLongerThanAnnounced(String name) throws IOException {
    hub.next(name, Answer.endlessly(new byte[1 << 16]));
    assertThat(failure()).startsWith(name + ": refused: the server sent ");
    assertThat(below(cache.resolve("models--org--name/blobs")).toString())
        .doesNotContain(hub.hash(name) + ",");
    assertWhole(snapshot());
  }

  @ParameterizedTest
  @ValueSource(strings = {"soon", "-5", "99999999999999999999", "1e3", ""})
  void headersThatAreNotNumbersAreNone(String value) {
    hub.next("revision", Answer.status(503, "Retry-After", value));
    hub.next(
        "HEAD " + CONFIG, Answer.status(200, "ETag", hub.hash(CONFIG), "X-Linked-Size", value));
    assertWhole(snapshot());
  }

  @Test
  void aFileOfUnknownSizeIsRefused() {
    hub.next("HEAD " + CONFIG, Answer.status(200, "ETag", hub.hash(CONFIG)));
    hub.next(CONFIG, Answer.endlessly(new byte[1 << 16]));
    assertThat(failure()).isEqualTo(CONFIG + ": refused: the server does not say its size");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:/evil", "a//b"})
  void refusesNamesThatLeadOutOfTheCache(String name) {
    hub.add(name, "evil");
    assertThat(failure()).contains("refused: its file name '" + name + "' leads out of the cache");
    assertThat(below(cache)).isEmpty();
  }

  @Test
  void refusesFilesWithoutAHash() {
    hub.next("HEAD " + CONFIG, Answer.status(200, "ETag", "\"../../evil\""));
    assertThat(failure()).contains(CONFIG + ": refused: the server names no hash of it");
  }

  @Test
  void refusesACommitThatIsNone() {
    hub.revisions.put("main", "../../evil");
    assertThat(failure()).contains("does not answer like a Hub");
  }

  // ---- several at once

  @Test
  void twoDownloadOnce() {
    List<CompletableFuture<Path>> both =
        Stream.of(online(), online())
            .map(hub -> CompletableFuture.supplyAsync(() -> snapshot(hub, ID)))
            .toList();
    both.forEach(snapshot -> assertWhole(snapshot.join()));
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).hasSize(1);
  }

  @Test
  void twoProcessesDownloadOnce() throws IOException, InterruptedException {
    hub.next(WEIGHTS, Answer.slowly(1500)); // the time in which the other process comes
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Downloader.class.getName(),
                hub.endpoint().toString(),
                cache.toString())
            .inheritIO()
            .start();
    assertWhole(snapshot());
    assertThat(other.waitFor()).isEqualTo(0);
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).hasSize(1);
  }

  /** The work of another process. */
  static final class Downloader {
    public static void main(String[] args) {
      snapshot(
          new Hub(HubSettings.of(Map.of("HF_ENDPOINT", args[0], "HF_HUB_CACHE", args[1]))), ID);
    }
  }

  @Test
  void tellsHowFarItIs() throws IOException {
    byte[] content = hub.files.get(WEIGHTS);
    leave(Arrays.copyOf(content, 100_000));
    hub.next(WEIGHTS, Answer.cutAt(150_000), Answer.ignoringTheRange());
    List<Long> done = new ArrayList<>();
    List<Long> totals = new ArrayList<>();
    online()
        .snapshot(
            ID,
            Kind.MODEL,
            ModelFiles::pipeline,
            (bytes, total) -> {
              done.add(bytes);
              totals.add(total);
            });
    long total =
        Stream.of(WEIGHTS, CONFIG, "model_index.json", "scheduler/scheduler_config.json")
            .mapToLong(name -> hub.files.get(name).length)
            .sum();
    assertThat(totals.stream().distinct().toList()).containsExactly(total);
    assertThat(done.get(done.size() - 1)).isEqualTo(total);
    assertThat(done.stream().allMatch(n -> n >= 0 && n <= total)).isTrue();
  }
}

package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A repository of the Hub at a revision.
 *
 * @param repository {@code org/name}
 * @param revision a branch, a tag or a commit; may hold slashes, as {@code refs/pr/1} does
 */
public record HubId(String repository, String revision) {
  private static final String MAIN = "main";
  private static final int LONGEST = 96;
  private static final Pattern REPOSITORY =
      Pattern.compile("[A-Za-z0-9_][\\w.-]*/[A-Za-z0-9_]([\\w.-]*\\w)?");
  private static final Pattern REVISION = Pattern.compile("[^\\s\\p{Cntrl}~^:?*\\[\\\\]+");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  /**
   * Refuses names that the Hub would not accept or that would lead out of the cache's folders.
   *
   * @throws SfumatoException naming the id
   */
  public HubId {
    if (!isRepository(repository)) {
      throw new SfumatoException(repository + ": is not a Hub id: it takes the form org/name");
    }
    if (!REVISION.matcher(revision).matches() || !FileNames.isInside(revision)) {
      throw new SfumatoException(repository + "@" + revision + ": is not the name of a revision");
    }
  }

  /**
   * Reads {@code org/name}, at the branch {@code main}, or {@code org/name@revision}.
   *
   * @return empty if the text has another form
   * @throws SfumatoException if only the revision is malformed
   */
  public static Optional<HubId> parse(String text) {
    int at = text.indexOf('@');
    String repository = at < 0 ? text : text.substring(0, at);
    String revision = at < 0 ? MAIN : text.substring(at + 1);
    return isRepository(repository)
        ? Optional.of(new HubId(repository, revision))
        : Optional.empty();
  }

  private static boolean isRepository(String text) {
    return REPOSITORY.matcher(text).matches()
        && text.length() <= LONGEST
        && Stream.of("--", "..").noneMatch(text::contains)
        && !text.endsWith(".git");
  }

  /** Returns true if the revision is a commit, which no server needs to resolve. */
  boolean isCommit() {
    return COMMIT.matcher(revision).matches();
  }

  /**
   * Returns {@code org/name}, or {@code org/name@revision} for a revision other than {@code main}.
   */
  @Override
  public String toString() {
    return revision.equals(MAIN) ? repository : repository + "@" + revision;
  }
}

import time
from cadenza.catalog import Catalog
from console.auditing import audit
from tests.console.desk.test_api import *
from tests.console.desk.desk import Desk
async def test_bench(desk, api):
    line=desk.line
    await line.enroll(1)
    ver=await line.value("select id from cadence_version"); cad=await line.value("select id from cadence")
    await line.execute("delete from due"); await line.execute("delete from enrollment")
    await line.execute("""insert into prospect (key,email,owner_id,shard,time_zone,fields,created_at,company) select 'email:q'||n||'@x.example','q'||n||'@x.example','anna',n%256,(array['Europe/Paris','America/New_York','Asia/Tokyo','Europe/London'])[1+n%4],'{"first_name":"Zoe","last_name":"Long","title":"CEO"}',now(),'c'||(n/3) from generate_series(1,20000) n""")
    course=await line.value("select 1")
    await line.execute("""insert into enrollment (prospect_id,cadence_id,version_id,shard,status,outcome,step,visit,course,started_at,changed_at)
       select id,$1,$2,shard,case when id%3=0 then 'finished' else 'active' end,case when id%3=0 then 'lost' end,'hello',1,'{}','2026-01-01','2026-12-01' from prospect where key like 'email:q%'""",cad,ver)
    await line.execute("""insert into touch (id,enrollment_id,prospect_id,cadence_id,version_id,step,visit,channel,account,recipient,status,planned_at,due_at,window_end,began_at,recorded_at)
      select 10000+row_number() over (), e.id, p.id, $1,$2,'hello',v,'email','mail-'||(e.id%2),p.email,'sent',d,d,null,d+interval '20 s',d from enrollment e join prospect p on p.id=e.prospect_id, generate_series(1,5) v, lateral (select ('2026-03-02'::date + (v-1 + (e.id%3)*7)::int + time '11:00') at time zone p.time_zone as d) x""",cad,ver)
    await line.execute("insert into suppression select 'email:s'||n||'@y.example','r','s',now() from generate_series(1,200000) n")
    await line.execute("analyze")
    for _ in range(2):
        a=time.perf_counter(); c=time.process_time(); r=await audit(line.database,Catalog(),line.accounts); print("audit",time.perf_counter()-a,"cpu",time.process_time()-c,r.touches,dict(r.counts),r.unclear)
    await line.execute("""insert into task (enrollment_id,step,visit,kind,owner_id,title,script,checklist,dispositions,opened_at,due_at,state)
      select e.id,'call',v,'call','anna','Call','A long script '||repeat('x',600),'["a","b"]','["connected","no_answer"]',now(),now()+v*interval '1 hour',case when v=10 and e.id%7=0 then 'open' else 'done' end from enrollment e, generate_series(1,10) v""")
    await line.execute("analyze task")
    for q in ("limit=500","limit=100","limit=100&owner=anna&due_by=2026-03-03T00:00:00Z","limit=500&after=150000"):
        ts=[]
        for _ in range(10):
            a=time.perf_counter(); x=await api.get("/api/tasks?"+q); ts.append(time.perf_counter()-a)
        print(q, x.status_code, len(x.json()["tasks"]), "%.1f ms"%(sorted(ts)[5]*1e3))
    for row in await line.rows("explain analyze select t.*, c.name as cadence, p.key from task t join enrollment e on e.id = t.enrollment_id join cadence c on c.id = e.cadence_id join prospect p on p.id = e.prospect_id where t.id>0 and t.state='open' order by t.id limit 100"): print(row[0])
    from cadenza.storage import enrollments,suppressions
    async with line.database.connection() as db:
        for f in (lambda: enrollments.touched_by_keys(db,["email:q5@x.example"]), lambda: suppressions.concerned(db,["email:q5@x.example"])):
            a=time.perf_counter(); await f(); a=time.perf_counter(); await f(); print("concerned %.2f ms"%((time.perf_counter()-a)*1e3))
    a=time.perf_counter(); await desk.ok("status"); print("status",time.perf_counter()-a)
    path=desk.write("l.txt","\n".join(f"n{n}@z.example" for n in range(20000)))
    a=time.perf_counter(); print(await desk.ok("do-not-contact","import",path), time.perf_counter()-a)
    rows="email,country,first_name\n"+"\n".join(f"c{n}@z2.example,FR,Zo" for n in range(20000))
    path=desk.write("l.csv",rows)
    a=time.perf_counter(); print((await desk.ok("enroll","--csv",path,"--cadence","mixed","--dry-run"))[-300:], time.perf_counter()-a)
    async with desk.intake():
        a=time.perf_counter(); print((await desk.ok("enroll","--csv",path,"--cadence","mixed"))[-100:], time.perf_counter()-a)
